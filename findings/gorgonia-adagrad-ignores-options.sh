#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# The AdaGrad solver takes options and ignores them all: the learning rate stays 0.001, and
# there is no clipping and no weight decay, with no error. AdaGrad moves a weight by its
# rate in the first step, whatever the gradient, so 1 should become 0.5 at a rate of 0.5.
# The branch for scalars also forgets its sum of squares. Way round: a step of one's own
# behind the Solver interface; a larger cost does not help, as the step has no scale.
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
	for _, rate := range []float64{0.5, 0.001} {
		g := G.NewGraph()
		w := G.NodeFromAny(g, tensor.New(tensor.WithBacking([]float64{1, 1})), G.WithName("w"))
		if _, err := G.Grad(G.Must(G.Sum(G.Must(G.Square(w)))), w); err != nil {
			panic(err)
		}
		vm := G.NewTapeMachine(g, G.BindDualValues(w))
		if err := vm.RunAll(); err != nil {
			panic(err)
		}
		if err := G.NewAdaGradSolver(G.WithLearnRate(rate)).Step([]G.ValueGrad{w}); err != nil {
			panic(err)
		}
		vm.Close()
		fmt.Printf("learning rate %v: from 1 to %.4f\n", rate, w.Value().Data().([]float64)[0])
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='learning rate 0.5: from 1 to 0.9990
learning rate 0.001: from 1 to 0.9990'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe first is 0.5000\n' "$want"
	exit 1
}
echo 'as found: the first is 0.5000'
