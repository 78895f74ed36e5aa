#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# Reshape gives a view of its input, and the tape machine does not know it: an operation
# that may write over its operand, such as the sum with a constant, writes over the input.
# Here x is reshaped and 1 is added; x should still be [1 2 3 4] after each run, and is one
# higher after each. A weight that is reshaped in a model moves so with every evaluation.
# Square, Tanh or Exp in place of the sum leave x alone, and so does the sum without the
# Reshape. Way round: a weight of the wanted shape from the start, or the Reshape of x + 0,
# where the sum is what is written over.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	for _, reshape := range []bool{false, true} {
		g := G.NewGraph()
		x := G.NewMatrix(g, G.Float64, G.WithShape(2, 2), G.WithName("x"), G.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{1, 2, 3, 4}))))
		row := x
		if reshape {
			row = G.Must(G.Reshape(x, tensor.Shape{4}))
		}
		sum := G.Must(G.Sum(G.Must(G.Add(row, G.NewConstant(1.0)))))
		vm := G.NewTapeMachine(g)
		for range 2 {
			if err := vm.RunAll(); err != nil {
				panic(err)
			}
			fmt.Println("reshaped:", reshape, "sum of x + 1:", sum.Value(), "x afterwards:", x.Value().Data())
			vm.Reset()
		}
		vm.Close()
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='reshaped: false sum of x + 1: 14 x afterwards: [1 2 3 4]
reshaped: false sum of x + 1: 14 x afterwards: [1 2 3 4]
reshaped: true sum of x + 1: 14 x afterwards: [2 3 4 5]
reshaped: true sum of x + 1: 18 x afterwards: [3 4 5 6]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe sum is 14 and x is [1 2 3 4] each time\n' "$want"
	exit 1
}
echo 'as found: the sum is 14 and x is [1 2 3 4] each time'
