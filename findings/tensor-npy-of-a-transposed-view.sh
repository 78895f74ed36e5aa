#!/usr/bin/env bash
# gorgonia.org/tensor v0.9.24.
#
# WriteNpy of a tensor that T has transposed writes the new shape and the old order: the
# transpose of [1 2 3; 4 5 6] is read back, here and by NumPy, as [1 2; 3 4; 5 6].
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"

	"gorgonia.org/tensor"
)

func main() {
	x := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, 3, 4, 5, 6}))
	check(x.T())
	at, err := x.At(0, 1)
	check(err)
	fmt.Println("in memory:", x.Shape(), "row 0, column 1:", at)

	var file bytes.Buffer
	check(x.WriteNpy(&file))
	y := tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(1))
	check(y.ReadNpy(&file))
	at, err = y.At(0, 1)
	check(err)
	fmt.Println("from npy: ", y.Shape(), "row 0, column 1:", at)
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
want='in memory: (3, 2) row 0, column 1: 4
from npy:  (3, 2) row 0, column 1: 2'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nit is 4\n' "$want"
	exit 1
}
echo 'as found: it is 4'
