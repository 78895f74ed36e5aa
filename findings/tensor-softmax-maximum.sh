#!/usr/bin/env bash
# gorgonia.org/tensor v0.9.24.
#
# SoftMax over the last axis takes a wrong number for the maximum of every row but
# the first: it begins with the first number of the whole tensor and never looks at
# the row's own first one. Where the two are far apart the row comes out as NaN: the
# softmax of (0, 0) below a row that begins with 1000, and that of (1000, 0) below
# another. They are (0.5, 0.5) and (1, 0).
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"gorgonia.org/tensor"
)

func main() {
	for _, rows := range [][]float64{{1000, 0, 0, 0}, {0, 0, 1000, 0}} {
		y, err := tensor.SoftMax(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(rows)), 1)
		if err != nil {
			panic(err)
		}
		fmt.Println(rows, "->", y.Data())
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='[1000 0 0 0] -> [1 0 NaN NaN]
[0 0 1000 0] -> [0.5 0.5 NaN 0]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe softmax of (0, 0) is (0.5, 0.5), that of (1000, 0) is (1, 0), in any row\n' "$want"
	exit 1
}
echo 'as found: the softmax of (0, 0) is (0.5, 0.5), that of (1000, 0) is (1, 0), in any row'
