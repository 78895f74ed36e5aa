#!/usr/bin/env bash
# gorgonia.org/tensor v0.9.24.
#
# MatMul, MatVecMul and Inner of a slice of columns take other numbers from the second row
# on: those that follow in memory, and not those of the slice. [2 3; 6 7; 10 11], the two
# middle columns of 1 to 12, times (1, 1) is (5, 13, 21). The slice itself prints right, and
# gorgonia's own Slice copies, so only direct use of the tensors is hit. Way round:
# Materialize.
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
	x := tensor.New(tensor.WithShape(3, 4), tensor.WithBacking(tensor.Range(tensor.Float64, 1, 13)))
	slice, err := x.Slice(nil, tensor.S(1, 3))
	check(err)
	column, err := x.Slice(nil, tensor.S(1))
	check(err)
	ones := tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 1}))
	eye := tensor.I(tensor.Float64, 2, 2, 0)
	for _, a := range []tensor.Tensor{slice, slice.Materialize()} {
		vector, err := tensor.MatVecMul(a, ones)
		check(err)
		product, err := tensor.MatMul(a, eye)
		check(err)
		fmt.Println("times (1, 1):", vector.Data(), "times the identity:", product.Data())
	}
	for _, c := range []tensor.Tensor{column, column.Materialize()} {
		square, err := tensor.Inner(c, c)
		check(err)
		fmt.Println(c.Shape(), "column", c, "times itself:", square)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='times (1, 1): [5 9 13] times the identity: [2 3 4 5 6 7]
times (1, 1): [5 13 21] times the identity: [2 3 6 7 10 11]
(3) column [ 2   6  10] times itself: 384
(3) column [ 2   6  10] times itself: 140'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe first and the second agree each time\n' "$want"
	exit 1
}
echo 'as found: the first and the second agree each time'
