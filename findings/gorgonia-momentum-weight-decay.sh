#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# WithL2Reg of the Momentum solver decays its own velocity and not the weight: with a
# gradient of 0 a weight of 1 should shrink by rate x decay = 0.05 in the first step, as it
# does with the vanilla solver, and stays 1 however long one trains. WithL1Reg does the same.
# Only scalars, which are another branch, are decayed. Way round: add the penalty to the cost.
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

func train(name string, solver G.Solver) {
	g := G.NewGraph()
	w := G.NodeFromAny(g, tensor.New(tensor.WithBacking([]float64{1, 1})), G.WithName("w"))
	cost := G.Must(G.Mul(G.Must(G.Sum(w)), G.NewConstant(0.0)))
	if _, err := G.Grad(cost, w); err != nil {
		panic(err)
	}
	vm := G.NewTapeMachine(g, G.BindDualValues(w))
	defer vm.Close()
	for step := 1; step <= 3; step++ {
		if err := vm.RunAll(); err != nil {
			panic(err)
		}
		if err := solver.Step([]G.ValueGrad{w}); err != nil {
			panic(err)
		}
		fmt.Printf("%s, step %d: %.4f\n", name, step, w.Value().Data().([]float64)[0])
		vm.Reset()
	}
}

func main() {
	train("vanilla ", G.NewVanillaSolver(G.WithLearnRate(0.1), G.WithL2Reg(0.5)))
	train("momentum", G.NewMomentum(G.WithLearnRate(0.1), G.WithL2Reg(0.5), G.WithMomentum(0.9)))
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='vanilla , step 1: 0.9500
vanilla , step 2: 0.9025
vanilla , step 3: 0.8574
momentum, step 1: 1.0000
momentum, step 2: 1.0000
momentum, step 3: 1.0000'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nmomentum gives 0.9500, 0.8575, 0.7314\n' "$want"
	exit 1
}
echo 'as found: momentum gives 0.9500, 0.8575, 0.7314'
