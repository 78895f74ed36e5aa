package main

import (
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/engram-lm/engram/scripts/peer/go/step"
	"github.com/gomlx/gomlx/backends"
	. "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// The gradients, as shipped and our own, are those of finite differences.
func TestGradients(t *testing.T) {
	s := &step.Sizes{Vocab: 7, Embed: 4, Hidden: 3, Layers: 2, Batch: 2, BPTT: 3}
	backend, err := backends.NewWithConfig("go:")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	x, y := s.Window(r)
	var states, params [][]float64
	for range 2 * s.Layers {
		states = append(states, step.Draw[float64](step.Param{Shape: []int{s.Batch, s.Hidden}, Bound: 0.5}, r))
	}
	for _, p := range s.Params() {
		params = append(params, step.Draw[float64](p, r))
	}
	run := func(exec *Exec) []*tensors.Tensor {
		args := []any{tensors.FromFlatDataAndDimensions(x, len(x), 1), tensors.FromFlatDataAndDimensions(y, len(y), 1)}
		for _, v := range states {
			args = append(args, tensors.FromFlatDataAndDimensions(v, s.Batch, s.Hidden))
		}
		for i, p := range s.Params() {
			args = append(args, tensors.FromFlatDataAndDimensions(params[i], p.Shape...))
		}
		return exec.MustExec(args...)
	}
	split := func(in []*Node) (loss *Node, params []*Node) {
		n := 2 + 2*s.Layers
		loss, _ = model(s, in[0], in[1], in[2:n], in[n:])
		return loss, in[n:]
	}
	loss := MustNewExec(backend, func(in []*Node) *Node { l, _ := split(in); return l })
	shipped := maps.Clone(VJPRegistration)
	defer maps.Copy(VJPRegistration, shipped)
	for _, own := range []bool{false, true} {
		if own {
			ownGradient()
		}
		grads := run(MustNewExec(backend, func(in []*Node) []*Node {
			l, p := split(in)
			return Gradient(l, p...)
		}))
		for i, p := range s.Params() {
			got := tensors.MustCopyFlatData[float64](grads[i])
			for j := range got {
				const e = 1e-5
				at := params[i][j]
				params[i][j] = at + e
				up := tensors.ToScalar[float64](run(loss)[0])
				params[i][j] = at - e
				down := tensors.ToScalar[float64](run(loss)[0])
				params[i][j] = at
				if want := (up - down) / (2 * e); math.Abs(got[j]-want) > 1e-8 {
					t.Errorf("own %v: %s[%d]: gradient %v, by finite differences %v", own, p.Name, j, got[j], want)
				}
			}
		}
	}
}
