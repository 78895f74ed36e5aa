#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# The gradient of Dropout is too large or too small: Dropout(x, p) gives x/(1-p) where
# x is kept and 0 elsewhere, so the gradient of its sum is the same factor, 1/(1-p);
# what comes out is 1/p. The program divides the gradient by the factor that the
# forward pass shows.
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
	for _, p := range []float64{0.2, 0.5, 0.8} {
		ones := make([]float64, 1000)
		for i := range ones {
			ones[i] = 1
		}
		g := G.NewGraph()
		x := G.NodeFromAny(g, tensor.New(tensor.WithBacking(ones)), G.WithName("x"))
		y := G.Must(G.Dropout(x, p))
		var out G.Value
		G.Read(y, &out)
		grads, err := G.Grad(G.Must(G.Sum(y)), x)
		if err != nil {
			panic(err)
		}
		var grad G.Value
		G.Read(grads[0], &grad)
		vm := G.NewTapeMachine(g)
		if err := vm.RunAll(); err != nil {
			panic(err)
		}
		forward, backward := 0.0, 0.0
		for i, v := range out.Data().([]float64) {
			forward = max(forward, v)
			backward = max(backward, grad.Data().([]float64)[i])
		}
		fmt.Printf("p %.1f: what is kept is multiplied by %.2f, its gradient is %.2f\n", p, forward, backward)
		vm.Close()
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='p 0.2: what is kept is multiplied by 1.25, its gradient is 5.00
p 0.5: what is kept is multiplied by 2.00, its gradient is 2.00
p 0.8: what is kept is multiplied by 5.00, its gradient is 1.25'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe two factors should be the same\n' "$want"
	exit 1
}
echo 'as found: the two factors should be the same'
