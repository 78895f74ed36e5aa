#!/usr/bin/env bash
# gorgonia.org/gorgonia v0.9.18.
#
# A graph that asks for both SoftMax and LogSoftMax of one node gets the first for both,
# because the two operations have one hash and nodes of equal hash are merged. A model that
# shows its probabilities and trains on their logarithms trains on the probabilities, without
# an error. The logarithms of (1/4, 3/4) are (-1.386, -0.288). Way round: Log of SoftMax.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func main() {
	for _, both := range []bool{false, true} {
		g := G.NewGraph()
		logits := G.NewMatrix(g, G.Float64, G.WithShape(1, 2), G.WithName("logits"), G.WithValue(tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float64{0, math.Log(3)}))))
		if both {
			G.Must(G.SoftMax(logits))
		}
		logs := G.Must(G.LogSoftMax(logits))
		var out G.Value
		G.Read(logs, &out)
		vm := G.NewTapeMachine(g)
		if err := vm.RunAll(); err != nil {
			panic(err)
		}
		vm.Close()
		fmt.Printf("SoftMax in the graph too: %v, LogSoftMax: %.3f\n", both, out.Data())
	}
}
GO
go mod init finding 2>/dev/null
go get gorgonia.org/gorgonia@v0.9.18 gorgonia.org/tensor@v0.9.24 go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6 2>/dev/null
got=$(go run .)
want='SoftMax in the graph too: false, LogSoftMax: [-1.386 -0.288]
SoftMax in the graph too: true, LogSoftMax: [0.250 0.750]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nLogSoftMax is [-1.386 -0.288] both times\n' "$want"
	exit 1
}
echo 'as found: LogSoftMax is [-1.386 -0.288] both times'
