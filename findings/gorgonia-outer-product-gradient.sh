#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# The gradient of OuterProd for two vectors of one length is wrong: the sum of u v' is
# (sum u)(sum v), so its gradient is sum v for each element of u, and sum u for each of v.
# They come out the other way round. (For two lengths the machine returns an error.)
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
	g := G.NewGraph()
	vector := func(name string, of ...float64) *G.Node {
		return G.NewVector(g, G.Float64, G.WithShape(len(of)), G.WithName(name), G.WithValue(tensor.New(tensor.WithBacking(of))))
	}
	u, v := vector("u", 1, 2), vector("v", 3, 5)
	sum := G.Must(G.Sum(G.Must(G.OuterProd(u, v))))
	grads, err := G.Grad(sum, u, v)
	if err != nil {
		panic(err)
	}
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		panic(err)
	}
	fmt.Println("sum:", sum.Value(), "by u:", grads[0].Value(), "by v:", grads[1].Value())
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='sum: 24 by u: [3  3] by v: [8  8]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\n[8  8] by u and [3  3] by v are right\n' "$want"
	exit 1
}
echo 'as found: [8  8] by u and [3  3] by v are right'
