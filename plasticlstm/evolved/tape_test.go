package evolved

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm/layertest"
)

// The gradient of every parameter agrees with central differences in float64, for
// every modulation, at the start of a life and in the midst of one.
func TestTapeGradients(t *testing.T) {
	const in, hidden, out, steps = 3, 5, 2, 6
	for _, modulation := range modulations {
		for _, lived := range []int{0, 4} {
			n, r := newNet(t, in, hidden, out, Options{Modulation: modulation, Birth: Normal}), newRand(21)
			params := draw[float64](n, r, 0.5)
			x, weight := make([]float64, (lived+steps)*in), make([]float64, steps*out)
			for _, v := range [][]float64{x, weight} {
				for i := range v {
					v[i] = r.NormFloat64()
				}
			}
			// A life up to the tape's start, whose state the differences hold.
			begin := NewLife[float64](n)
			begin.Begin(NewGenome(n, params), newRand(1))
			for s := range lived {
				begin.Step(x[s*in:][:in], make([]float64, out))
			}
			start := func(p [][]float64) *Life[float64] {
				l := NewLife[float64](n)
				l.Begin(NewGenome(n, p), newRand(1))
				copy(l.wh, begin.wh)
				copy(l.wx, begin.wx)
				copy(l.h, begin.h)
				// What h sends to the modulators depends on the parameters.
				copy(l.reads, l.genome.readBias)
				for i, h := range l.h[:hidden] {
					for k := range l.reads {
						l.reads[k] += h * l.genome.read[i*len(l.reads)+k]
					}
				}
				l.recall()
				return l
			}
			tape, err := NewTape[float64](n, steps)
			if err != nil {
				t.Fatal(err)
			}
			loss := func(p [][]float64, step func(l *Life[float64], x, o []float64)) (sum float64) {
				l, o := start(p), make([]float64, out)
				tape.Begin(l)
				for s := range steps {
					step(l, x[(lived+s)*in:][:in], o)
					for k, v := range o {
						sum += weight[s*out+k] * v
					}
				}
				return sum
			}
			plain := func(l *Life[float64], x, o []float64) { l.Step(x, o) }
			recorded := func(_ *Life[float64], x, o []float64) { tape.Step(x, o) }
			if a, b := loss(params, plain), loss(params, recorded); a != b || tape.Taken() != steps {
				t.Errorf("recorded, the loss is %v, else %v", b, a)
			}
			grads := draw[float64](n, r, 0)
			tape.Backward(params, weight, grads)
			for i, p := range n.Params() {
				numeric := make([]float64, p.Size())
				for k := range numeric {
					slope := func(h float64) float64 {
						moved := slices.Clone(params)
						moved[i] = slices.Clone(params[i])
						moved[i][k] += h
						up := loss(moved, plain)
						moved[i][k] -= 2 * h
						return (up - loss(moved, plain)) / (2 * h)
					}
					numeric[k] = (4*slope(1e-4) - slope(2e-4)) / 3
				}
				layertest.Compare(t, string(modulation)+": gradient of "+p.Name, grads[i], numeric, 1e-7)
				if norm64(numeric) == 0 {
					t.Errorf("%s: %s has no gradient", modulation, p.Name)
				}
			}
			// Gradients are added.
			twice := slices.Clone(grads[0])
			loss(params, recorded)
			tape.Backward(params, weight, grads)
			for k := range twice {
				twice[k] *= 2
			}
			layertest.Compare(t, "gradients added", grads[0], twice, 1e-12)
		}
	}
}

// A tape that is truncated gives the sum of the gradients of tapes that begin where
// it is cut.
func TestTapeTruncate(t *testing.T) {
	const in, hidden, out, steps = 3, 5, 2, 11
	for _, modulation := range modulations {
		n, r := newNet(t, in, hidden, out, Options{Modulation: modulation, Birth: Normal}), newRand(23)
		params := draw[float64](n, r, 0.5)
		x, do := make([]float64, steps*in), make([]float64, steps*out)
		for _, v := range [][]float64{x, do} {
			for i := range v {
				v[i] = r.NormFloat64()
			}
		}
		gradients := func(every int, begins ...int) [][]float64 {
			tape, err := NewTape[float64](n, steps)
			if err != nil {
				t.Fatal(err)
			}
			tape.Truncate(every)
			life, sum, o := NewLife[float64](n), draw[float64](n, r, 0), make([]float64, out)
			life.Begin(NewGenome(n, params), newRand(1))
			for i, at := range begins {
				end := steps
				if i+1 < len(begins) {
					end = begins[i+1]
				}
				tape.Begin(life)
				for s := at; s < end; s++ {
					tape.Step(x[s*in:][:in], o)
				}
				tape.Backward(params, do[at*out:end*out], sum)
			}
			return sum
		}
		for every, begins := range map[int][]int{1: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 4: {0, 4, 8}, 11: {0}, 20: {0}} {
			got, want := gradients(every, 0), gradients(0, begins...)
			for i, p := range n.Params() {
				layertest.Compare(t, fmt.Sprintf("%s, every %d: gradient of %s", modulation, every, p.Name), got[i], want[i], 1e-12)
			}
		}
	}
}

func norm64(x []float64) (sum float64) {
	for _, v := range x {
		sum += math.Abs(v)
	}
	return sum
}

// In float32 the tape gives what it gives in float64, to rounding.
func TestTapeSingle(t *testing.T) {
	const in, hidden, out, steps = 15, 64, 5, 12
	n, r := newNet(t, in, hidden, out, Options{Modulation: After}), newRand(22)
	params32 := draw[float32](n, r, 0.2)
	var params [][]float64
	for _, p := range params32 {
		params = append(params, wide(p))
	}
	a, err := NewTape[float64](n, steps)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewTape[float32](n, steps)
	if err != nil {
		t.Fatal(err)
	}
	la, lb := NewLife[float64](n), NewLife[float32](n)
	la.Begin(NewGenome(n, params), nil)
	lb.Begin(NewGenome(n, params32), nil)
	a.Begin(la)
	b.Begin(lb)
	do, do32 := make([]float64, steps*out), make([]float32, steps*out)
	for s := range steps {
		x, x32 := make([]float64, in), make([]float32, in)
		for i := range x {
			x32[i] = float32(r.NormFloat64())
			x[i] = float64(x32[i])
		}
		a.Step(x, make([]float64, out))
		b.Step(x32, make([]float32, out))
		for k := range out {
			do[s*out+k] = 1
			do32[s*out+k] = 1
		}
	}
	ga, gb := draw[float64](n, r, 0), draw[float32](n, r, 0)
	a.Backward(params, do, ga)
	b.Backward(params32, do32, gb)
	for i, p := range n.Params() {
		layertest.Compare(t, "gradient of "+p.Name, wide(gb[i]), ga[i], 1e-3)
	}
}

func TestTapeRefuses(t *testing.T) {
	if _, err := NewTape[float32](newNet(t, 2, 3, 1, Options{Rule: Full}), 3); err == nil {
		t.Error("a tape of the full rule")
	}
}
