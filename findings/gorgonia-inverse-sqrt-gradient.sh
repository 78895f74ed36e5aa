#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# The gradients of InverseSqrt and Log2 are wrong at every x but one: each divides by a
# factor in the place of multiplying. Of x^(-1/2) it is -x^(-3/2)/2, and what comes out is
# -x^(3/2)/2; of log2 x it is 1/(x ln 2), and what comes out is (ln 2)/x. A layer norm written
# with InverseSqrt trains on a gradient that grows with the variance. The program sets them
# beside the differences of the functions' own values, and beside Sqrt and Log, which are
# right. Way round: Inverse of Sqrt, and Log divided by the constant ln 2.
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

type function func(*G.Node) (*G.Node, error)

// eval gives the function at x and its gradient there.
func eval(f function, x float64) (value, grad float64) {
	g := G.NewGraph()
	in := G.NewVector(g, G.Float64, G.WithShape(2), G.WithName("in"), G.WithValue(tensor.New(tensor.WithBacking([]float64{x, x}))))
	out := G.Must(f(in))
	var outValue, gradValue G.Value
	G.Read(out, &outValue)
	grads, err := G.Grad(G.Must(G.Sum(out)), in)
	if err != nil {
		panic(err)
	}
	G.Read(grads[0], &gradValue)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		panic(err)
	}
	return outValue.Data().([]float64)[0], gradValue.Data().([]float64)[0]
}

func main() {
	const x, h = 4, 1e-4
	for _, c := range []struct {
		name string
		f    function
	}{{"Sqrt", G.Sqrt}, {"InverseSqrt", G.InverseSqrt}, {"Log", G.Log}, {"Log2", G.Log2}} {
		above, _ := eval(c.f, x+h)
		below, _ := eval(c.f, x-h)
		_, grad := eval(c.f, x)
		fmt.Printf("%s at 4: gradient %.4f, by differences %.4f\n", c.name, grad, (above-below)/(2*h))
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='Sqrt at 4: gradient 0.2500, by differences 0.2500
InverseSqrt at 4: gradient -4.0000, by differences -0.0625
Log at 4: gradient 0.2500, by differences 0.2500
Log2 at 4: gradient 0.1733, by differences 0.3607'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe two agree in each line\n' "$want"
	exit 1
}
echo 'as found: the two agree in each line'
