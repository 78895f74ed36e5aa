#!/usr/bin/env bash
# gonum.org/v1/gonum v0.17.0, package optimize.
#
# CmaEsChol.InitStepSize, the size of the first steps of a search, has no effect: 0.01 and
# 100 ask for the same first points.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/optimize"
)

func main() {
	for _, size := range []float64{0.01, 100} {
		var first []float64
		problem := optimize.Problem{Func: func(x []float64) float64 {
			if first == nil {
				first = append(first, x...)
			}
			return x[0]*x[0] + x[1]*x[1]
		}}
		method := &optimize.CmaEsChol{InitStepSize: size, Population: 6, Src: rand.NewPCG(1, 1)}
		settings := &optimize.Settings{MajorIterations: 1, Concurrent: 1}
		if _, err := optimize.Minimize(problem, []float64{1, 1}, settings, method); err != nil {
			panic(err)
		}
		fmt.Printf("InitStepSize %v: from (1, 1) to (%.3f, %.3f)\n", size, first[0], first[1])
	}
}
GO
go mod init finding 2>/dev/null
go get gonum.org/v1/gonum/optimize@v0.17.0 2>/dev/null
got=$(go run .)
want='InitStepSize 0.01: from (1, 1) to (1.906, 1.444)
InitStepSize 100: from (1, 1) to (1.906, 1.444)'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe second point lies 10,000 times as far from (1, 1)\n' "$want"
	exit 1
}
echo 'as found: the second point lies 10,000 times as far from (1, 1)'
