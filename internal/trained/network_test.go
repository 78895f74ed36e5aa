package trained

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
)

// The gradients are those of the loss that dy belongs to, by finite differences.
func TestNetworkGradients(t *testing.T) {
	const batch, steps = 2, 5
	layer := lstm.RNN{In: 3, Hidden: 4}
	w := NewWeights(0.1, 0)
	r := rng.New(1, "init")
	n := NewNetwork(layer, nil, nil)
	n.Values, n.Grads = w.Add("layer.", layer.Params(), r)
	x := make([]float32, steps*batch*3)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	loss := func() float64 { // half the sum of squares of the last outputs
		y, err := n.Forward(batch, x)
		must(t, err)
		sum := 0.0
		for _, v := range y[len(y)-batch*4:] {
			sum += float64(v) * float64(v) / 2
		}
		return sum
	}
	loss()
	dy := make([]float32, steps*batch*4)
	copy(dy[len(dy)-batch*4:], n.out[len(dy)-batch*4:])
	n.Backward(dy)
	if w.Count() != lstm.ParamCount(layer) || w.Param("layer.weight_hh") == nil || w.Param("weight_hh") != nil {
		t.Error("the weights are not those of the layer")
	}
	for p, values := range n.Values {
		for i := range values {
			const h = 1e-2
			kept := values[i]
			values[i] = kept + h
			up := loss()
			values[i] = kept - h
			down := loss()
			values[i] = kept
			if got, want := float64(n.Grads[p][i]), (up-down)/(2*h); !(math.Abs(got-want) <= 1e-3) {
				t.Errorf("%s %d: %v, want %v", layer.Params()[p].Name, i, got, want)
			}
		}
	}
	if _, err := n.Forward(2, x[:7]); err == nil {
		t.Error("an episode of 7 numbers passes")
	}
}

// Restored weights go on to the same bits.
func TestWeightsRestore(t *testing.T) {
	begin := func() (*Weights, *rng.Stream) {
		w := NewWeights(0.1, 1)
		w.Add("", []lstm.Param{{Name: "a", Shape: []int{5}, Lo: -1, Hi: 1}, {Name: "b", Shape: []int{2, 2}, Hi: 1}}, rng.New(3, "init"))
		return w, w.Stream(3, "noise")
	}
	update := func(w *Weights, s *rng.Stream) {
		for _, p := range w.Params {
			for i := range p.Grad {
				p.Grad[i] = p.Value[i] + float32(s.NormFloat64())
			}
		}
		_, err := w.Step()
		must(t, err)
	}
	a, sa := begin()
	for range 3 {
		update(a, sa)
	}
	s, err := a.Snapshot()
	must(t, err)
	b, sb := begin()
	must(t, b.Restore(s))
	update(b, sb)
	c, _ := begin()
	delete(s.Tensors, "param.b")
	if err := c.Restore(s); err == nil {
		t.Error("a parameter may be missing")
	}
	update(a, sa)
	for i, p := range a.Params {
		for j, v := range p.Value {
			if v != b.Params[i].Value[j] {
				t.Errorf("%s %d: %v, want %v", p.Name, j, b.Params[i].Value[j], v)
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
