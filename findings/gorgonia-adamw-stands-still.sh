#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# The AdamW solver never changes a weight: a step with gradients of 2 and 4 at a
# rate of 0.1 returns no error and leaves the weights as they were. Adam moves each
# by its rate, and AdamW by no less.
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

func step(name string, solver G.Solver) {
	g := G.NewGraph()
	w := G.NodeFromAny(g, tensor.New(tensor.WithBacking([]float64{1, 2})), G.WithName("w"))
	if _, err := G.Grad(G.Must(G.Sum(G.Must(G.Square(w)))), w); err != nil {
		panic(err)
	}
	vm := G.NewTapeMachine(g, G.BindDualValues(w))
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		panic(err)
	}
	err := solver.Step([]G.ValueGrad{w})
	x := w.Value().Data().([]float64)
	fmt.Printf("%s: %.4f %.4f, error %v\n", name, x[0], x[1], err)
}

func main() {
	step("Adam", G.NewAdamSolver(G.WithLearnRate(0.1)))
	step("AdamW", G.NewAdamW(G.WithLearnRate(0.1)))
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='Adam: 0.9000 1.9000, error <nil>
AdamW: 1.0000 2.0000, error <nil>'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nAdamW takes a step of about its rate too\n' "$want"
	exit 1
}
echo 'as found: AdamW takes a step of about its rate too'
