#!/usr/bin/env bash
# gonum.org/v1/gonum v0.17.0, package stat.
#
# Kendall's tau-a takes the concordant pairs less the discordant, over all pairs; a pair that
# ties is neither. stat.Kendall compares the signs of the differences, and 0 has the sign of
# +1: a constant correlates perfectly with what rises, and the result hangs on the order in
# which the same pairs come. Scores of runs on a few seeds tie often. Way round: count the
# pairs oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"gonum.org/v1/gonum/stat"
)

func main() {
	fmt.Println("constant with rising: ", stat.Kendall([]float64{1, 1, 1}, []float64{1, 2, 3}, nil))
	fmt.Println("constant with falling:", stat.Kendall([]float64{1, 1, 1}, []float64{3, 2, 1}, nil))
	fmt.Printf("(1,0) (1,2) (3,2): %.3f\n", stat.Kendall([]float64{1, 1, 3}, []float64{0, 2, 2}, nil))
	fmt.Printf("(3,2) (1,2) (1,0): %.3f\n", stat.Kendall([]float64{3, 1, 1}, []float64{2, 2, 0}, nil))
}
GO
go mod init finding 2>/dev/null
go get gonum.org/v1/gonum/stat@v0.17.0 2>/dev/null
got=$(go run .)
want='constant with rising:  1
constant with falling: -1
(1,0) (1,2) (3,2): 1.000
(3,2) (1,2) (1,0): -0.333'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nit is 0, 0, 0.333 and 0.333\n' "$want"
	exit 1
}
echo 'as found: it is 0, 0, 0.333 and 0.333'
