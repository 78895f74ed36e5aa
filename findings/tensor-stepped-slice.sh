#!/usr/bin/env bash
# gorgonia.org/tensor v0.9.24.
#
# A slice with a step leaves out its last element where the step does not divide the
# length: 0 to 7 by 2 of seven numbers is four of them, the last among them.
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
	x := tensor.New(tensor.WithShape(7), tensor.WithBacking([]float64{0, 1, 2, 3, 4, 5, 6}))
	y, err := x.Slice(tensor.S(0, 7, 2))
	if err != nil {
		panic(err)
	}
	fmt.Println(y)
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='[0  2  4]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\n[0  2  4  6] is right\n' "$want"
	exit 1
}
echo 'as found: [0  2  4  6] is right'
