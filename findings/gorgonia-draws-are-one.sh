#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# Two random nodes with the same parameters are one node, as are two Dropouts of one input,
# even at different rates: nodes of equal hash are merged, and the hash of Dropout does not
# hold its probability. So noise for two streams is the same noise, and a Dropout at 0.9
# drops what one at 0.1 does. Of 1000 ones the second should drop about 900.
# Way round: give each draw a shape or an input of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"reflect"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	g := G.NewGraph()
	ones := make([]float64, 1000)
	for i := range ones {
		ones[i] = 1
	}
	x := G.NewVector(g, G.Float64, G.WithShape(1000), G.WithName("x"), G.WithValue(tensor.New(tensor.WithBacking(ones))))
	nodes := []*G.Node{
		G.GaussianRandomNode(g, G.Float64, 0, 1, 8),
		G.GaussianRandomNode(g, G.Float64, 0, 1, 8),
		G.Must(G.Dropout(x, 0.1)),
		G.Must(G.Dropout(x, 0.9)),
	}
	values := make([]G.Value, len(nodes))
	for i, n := range nodes {
		G.Read(n, &values[i])
	}
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		panic(err)
	}
	dropped := 0
	for _, v := range values[3].Data().([]float64) {
		if v == 0 {
			dropped++
		}
	}
	fmt.Println("two draws of noise are equal:", reflect.DeepEqual(values[0].Data(), values[1].Data()))
	fmt.Println("Dropouts at 0.1 and 0.9 are equal:", reflect.DeepEqual(values[2].Data(), values[3].Data()))
	fmt.Println("the one at 0.9 drops more than half:", dropped > 500)
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='two draws of noise are equal: true
Dropouts at 0.1 and 0.9 are equal: true
the one at 0.9 drops more than half: false'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nit is false, false, true\n' "$want"
	exit 1
}
echo 'as found: it is false, false, true'
