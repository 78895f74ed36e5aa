package evolved

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
)

var (
	rules       = []Rule{Decomposed, Full, Clustered, Retroactive}
	modulations = []Modulation{None, Before, After}
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func newNet(t testing.TB, in, hidden, out int, opt Options) *Net {
	t.Helper()
	if opt.Rule == Clustered && opt.Clusters == nil {
		r, c := newRand(77), &Clusters{NHH: 2 * hidden, NIH: hidden + in}
		for range hidden * hidden {
			c.HH = append(c.HH, r.IntN(c.NHH))
		}
		for range hidden * in {
			c.IH = append(c.IH, r.IntN(c.NIH))
		}
		opt.Clusters = c
	}
	n, err := New(in, hidden, out, opt)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// draw returns parameters of a standard deviation.
func draw[F lstm.Float](n *Net, r *rand.Rand, scale float64) [][]F {
	var all [][]F
	for _, p := range n.Params() {
		x := make([]F, p.Size())
		for i := range x {
			x[i] = F(scale * r.NormFloat64())
		}
		all = append(all, x)
	}
	return all
}

func named[F lstm.Float](n *Net, params [][]F) map[string][]F {
	all := map[string][]F{}
	for i, p := range n.Params() {
		all[p.Name] = params[i]
	}
	return all
}

// plain is a life by the package comment's equations, one connection at a time.
type plain struct {
	net    *Net
	p      map[string][]float64
	wh, wx []float64 // [H, H], [H, I]
	e      []float64
	h      []float64
}

func newPlain(n *Net, params [][]float64) *plain {
	l := &plain{net: n, p: named(n, params), wh: make([]float64, n.hidden*n.hidden), wx: make([]float64, n.hidden*n.in), e: make([]float64, n.hidden*n.hidden), h: make([]float64, n.hidden)}
	if n.opt.Rule == Retroactive {
		copy(l.wx, l.p["ih.weight"])
	}
	return l
}

func (l *plain) affine(weight, bias string, row int, x []float64) float64 {
	sum := l.p[bias][row]
	for i, v := range x {
		sum += l.p[weight][row*len(x)+i] * v
	}
	return sum
}

func (l *plain) step(x []float64) (o []float64) {
	logistic := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	n, m := l.net, [2]float64{1, 1}
	if n.opt.Modulation == Before {
		for k := range m {
			m[k] = logistic(l.affine("modulator.input.weight", "modulator.input.bias", k, x)) + logistic(l.affine("modulator.weight", "modulator.bias", k, l.h))
		}
	}
	now := make([]float64, n.hidden)
	for j := range now {
		sum := l.p["bias"][j]
		for i, h := range l.h {
			sum += l.wh[j*n.hidden+i] * h
		}
		for i, v := range x {
			sum += l.wx[j*n.in+i] * v
		}
		now[j] = math.Tanh(sum)
	}
	for k := range n.out {
		o = append(o, l.affine("readout.weight", "readout.bias", k, now))
	}
	if n.opt.Modulation == After {
		for k := range m {
			m[k] = logistic(l.affine("modulator.weight", "modulator.bias", k, now))
		}
	}
	l.update("hh", l.wh, l.h, now, m[0])
	if n.opt.Rule != Retroactive {
		l.update("ih", l.wx, x, now, m[1])
	}
	l.h = now
	return o
}

func (l *plain) update(matrix string, w, pre, post []float64, m float64) {
	for j := range post {
		for i := range pre {
			at := j*len(pre) + i
			r := 0.0
			for k, of := range []float64{post[j] * pre[i], post[j], pre[i], 1} {
				name := matrix + "." + terms[k]
				switch l.net.opt.Rule {
				case Decomposed:
					r += l.p[name+".post"][j] * l.p[name+".pre"][i] * of
				case Full:
					r += l.p[name][at] * of
				case Clustered:
					c := l.net.opt.Clusters.HH
					if matrix == "ih" {
						c = l.net.opt.Clusters.IH
					}
					r += l.p[name][c[at]] * of
				}
			}
			if l.net.opt.Rule == Retroactive {
				s := 10 + l.p["trace_rate"][0]
				eta := 0.5*s/(math.Abs(s)+1) + 0.5
				l.e[at] = eta*post[j]*pre[i] + (1-eta)*l.e[at]
				r = l.e[at]
			}
			w[at] += l.net.opt.Gain * m * r
			if l.net.opt.Rule == Retroactive {
				w[at] = max(-5, min(5, w[at]))
			}
		}
	}
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// A life is what the equations say, for every rule and modulation, in float64 to
// rounding and in float32 to its own.
func TestLife(t *testing.T) {
	for _, rule := range rules {
		for _, modulation := range modulations {
			for _, hidden := range []int{5, 18} {
				t.Run(fmt.Sprint(rule, "/", modulation, "/", hidden), func(t *testing.T) {
					opt := Options{Rule: rule, Modulation: modulation}
					if rule == Retroactive {
						opt.Gain = 2 // the clamp bites
					}
					n, r := newNet(t, 3, hidden, 4, opt), newRand(5)
					params32 := draw[float32](n, r, 0.4)
					var params [][]float64
					for _, p := range params32 {
						params = append(params, wide(p))
					}
					want := newPlain(n, params)
					got, got32 := NewLife[float64](n), NewLife[float32](n)
					got.Begin(NewGenome(n, params), nil)
					got32.Begin(NewGenome(n, params32), nil)
					clamped := false
					for range 25 {
						x, x32, o, o32 := make([]float64, 3), make([]float32, 3), make([]float64, 4), make([]float32, 4)
						for i := range x {
							x32[i] = float32(r.NormFloat64())
							x[i] = float64(x32[i])
						}
						got.Step(x, o)
						got32.Step(x32, o32)
						w := want.step(x)
						layertest.Compare(t, "outputs", o, w, 1e-11)
						layertest.Compare(t, "outputs in float32", wide(o32), w, 2e-4)
						hh, ih := got.Weights()
						layertest.Compare(t, "W_h", hh, want.wh, 1e-11)
						layertest.Compare(t, "W_x", ih, want.wx, 1e-11)
						hh32, ih32 := got32.Weights()
						layertest.Compare(t, "W_h in float32", wide(hh32), want.wh, 2e-4)
						layertest.Compare(t, "W_x in float32", wide(ih32), want.wx, 2e-4)
						for _, v := range want.wh {
							clamped = clamped || math.Abs(v) == 5
						}
						if t.Failed() {
							t.FailNow()
						}
					}
					if rule == Retroactive && !clamped {
						t.Error("no weight came to its bound")
					}
				})
			}
		}
	}
}

// One neuron with one input, by hand.
func TestByHand(t *testing.T) {
	for _, c := range []struct {
		modulation Modulation
		wh, wx, h2 float64
	}{
		{None, 1.46211716, 2.92423431, 0.99945074},
		{After, 0.14621172, 0.29242343, 0.69625271},
	} {
		n := newNet(t, 1, 1, 1, Options{Modulation: c.modulation})
		params := draw[float64](n, newRand(1), 0)
		for i, p := range n.Params() {
			switch {
			case p.Name == "bias":
				params[i][0] = 0.5
			case p.Name[2] == '.': // hh.K or ih.K
				params[i][0] = 1
			}
		}
		l, o := NewLife[float64](n), make([]float64, 1)
		l.Begin(NewGenome(n, params), nil)
		l.Step([]float64{1}, o)
		layertest.Compare(t, "h1", l.Hidden(), []float64{0.46211716}, 1e-6)
		hh, ih := l.Weights()
		layertest.Compare(t, "W_h", hh, []float64{c.wh}, 1e-6)
		layertest.Compare(t, "W_x", ih, []float64{c.wx}, 1e-6)
		l.Step([]float64{1}, o)
		layertest.Compare(t, "h2", l.Hidden(), []float64{c.h2}, 1e-6)
	}
}

// The decomposed rule is the full rule whose matrices are the vectors' products.
func TestDecomposedIsFull(t *testing.T) {
	const in, hidden = 3, 8
	d := newNet(t, in, hidden, 2, Options{Rule: Decomposed, Modulation: After})
	f := newNet(t, in, hidden, 2, Options{Rule: Full, Modulation: After, Gain: d.opt.Gain})
	r := newRand(8)
	params := draw[float32](d, r, 0.1)
	of := named(d, params)
	var full [][]float32
	for _, p := range f.Params() {
		if x, ok := of[p.Name]; ok {
			full = append(full, x)
			continue
		}
		x := make([]float32, 0, p.Size())
		for _, y := range of[p.Name+".post"] {
			for _, v := range of[p.Name+".pre"] {
				x = append(x, y*v)
			}
		}
		full = append(full, x)
	}
	a, b := NewLife[float32](d), NewLife[float32](f)
	a.Begin(NewGenome(d, params), nil)
	b.Begin(NewGenome(f, full), nil)
	x, oa, ob := make([]float32, in), make([]float32, 2), make([]float32, 2)
	for range 200 {
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		a.Step(x, oa)
		b.Step(x, ob)
		layertest.Compare(t, "outputs", wide(oa), wide(ob), 1e-5)
	}
}

// Without the receivers' numbers, or with modulators that say nothing, the weights
// stay where they are.
func TestStill(t *testing.T) {
	n := newNet(t, 3, 6, 2, Options{Modulation: After, Birth: Normal})
	for _, name := range []string{"post", "modulator.bias", "frozen"} {
		r := newRand(9)
		params := draw[float32](n, r, 0.3)
		for i, p := range n.Params() {
			for k := range params[i] {
				switch {
				case name == "post" && len(p.Name) > 4 && p.Name[len(p.Name)-4:] == "post":
					params[i][k] = 0
				case name == p.Name:
					params[i][k] = -200
				}
			}
		}
		l := NewLife[float32](n)
		l.Begin(NewGenome(n, params), r)
		if name == "frozen" {
			l.Freeze()
		}
		hh, ih := l.Weights()
		for range 50 {
			l.Step([]float32{1, -1, 0.5}, make([]float32, 2))
		}
		hh2, ih2 := l.Weights()
		if !slices.Equal(hh, hh2) || !slices.Equal(ih, ih2) {
			t.Errorf("%s: the weights have moved", name)
		}
		if got := norm(hh); got < 3 {
			t.Errorf("%s: weights of N(0,1) have norm %v", name, got)
		}
	}
}

func norm(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// The outputs know nothing of the hidden neurons' order.
func TestPermutation(t *testing.T) {
	for _, rule := range []Rule{Decomposed, Full, Retroactive} {
		for _, modulation := range modulations {
			const in, hidden = 3, 7
			n, r := newNet(t, in, hidden, 2, Options{Rule: rule, Modulation: modulation}), newRand(10)
			params := draw[float64](n, r, 0.4)
			order := r.Perm(hidden)
			var permuted [][]float64
			for i, p := range n.Params() {
				x := slices.Clone(params[i])
				rows, columns := 1, p.Shape[len(p.Shape)-1]
				if len(p.Shape) == 2 {
					rows = p.Shape[0]
				}
				for a := range rows {
					for b := range columns {
						from, to := a, b
						if rows == hidden {
							from = order[a]
						}
						if columns == hidden {
							to = order[b]
						}
						x[a*columns+b] = params[i][from*columns+to]
					}
				}
				permuted = append(permuted, x)
			}
			a, b := NewLife[float64](n), NewLife[float64](n)
			a.Begin(NewGenome(n, params), nil)
			b.Begin(NewGenome(n, permuted), nil)
			for range 30 {
				x, oa, ob := []float64{r.NormFloat64(), r.NormFloat64(), 1}, make([]float64, 2), make([]float64, 2)
				a.Step(x, oa)
				b.Step(x, ob)
				layertest.Compare(t, fmt.Sprint("outputs of ", rule, " ", modulation), ob, oa, 1e-10)
			}
		}
	}
}

// What is forgotten is forgotten: a life that forgets all is a life that begins.
func TestForget(t *testing.T) {
	for _, rule := range rules {
		for _, birth := range []Birth{Zero, Normal} {
			n, r := newNet(t, 3, 6, 2, Options{Rule: rule, Modulation: Before, Birth: birth}), newRand(11)
			g := NewGenome(n, draw[float32](n, r, 0.4))
			l := NewLife[float32](n)
			l.Begin(g, newRand(3))
			play := func() (all []float32) {
				x, o := newRand(4), make([]float32, 2)
				for range 20 {
					l.Step([]float32{x.Float32(), x.Float32(), 1}, o)
					all = append(all, o...)
				}
				return all
			}
			first := play()
			l.ForgetHidden()
			if slices.Equal(play(), first) {
				t.Errorf("%s, born %s: forgetting h alone makes the life begin anew", rule, birth)
			}
			l.ForgetWeights()
			l.ForgetHidden()
			if !slices.Equal(play(), first) {
				t.Errorf("%s, born %s: a life that forgets all does not begin anew", rule, birth)
			}
			l.Begin(g, newRand(3))
			if !slices.Equal(play(), first) {
				t.Errorf("%s, born %s: the same birth gives another life", rule, birth)
			}
		}
	}
}

func TestParamCounts(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want int
	}{
		{Options{}, 1217},
		{Options{Modulation: Before}, 1379},
		{Options{Modulation: After}, 1347},
		{Options{Rule: Full, Modulation: After}, 20743},
		// U, c, V, d, b, W_x and theta: 320 + 5 + 128 + 2 + 64 + 960 + 1
		{Options{Rule: Retroactive, Modulation: After}, 1480},
	} {
		if got := newNet(t, 15, 64, 5, c.opt).ParamCount(); got != c.want {
			t.Errorf("%v: %d parameters, want %d", c.opt, got, c.want)
		}
	}
}

func TestTraceRate(t *testing.T) {
	for theta, want := range map[float64]float64{0: 0.95454545, -10: 0.5, -20: 0.04545454} {
		if got := traceRate(theta); !(math.Abs(got-want) < 1e-8) {
			t.Errorf("eta of theta %v is %v, want %v", theta, got, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, opt := range map[string]Options{
		"rule": {Rule: "hebb"}, "modulation": {Modulation: "simple"}, "birth": {Birth: "one"}, "gain": {Gain: -1},
		"no clusters": {Rule: Clustered}, "clusters": {Clusters: &Clusters{}},
		"clusters' size":   {Rule: Clustered, Clusters: &Clusters{HH: []int{0}, IH: []int{0}, NHH: 1, NIH: 1}},
		"clusters' number": {Rule: Clustered, Clusters: &Clusters{HH: []int{0, 0, 0, 9}, IH: []int{0, 0}, NHH: 1, NIH: 1}},
	} {
		if _, err := New(1, 2, 1, opt); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(0, 2, 1, Options{}); err == nil {
		t.Error("no inputs: no error")
	}
}

// BenchmarkStep is a step of the published size.
func BenchmarkStep(b *testing.B) {
	for _, rule := range []Rule{Decomposed, Full, Retroactive} {
		b.Run(string(rule), func(b *testing.B) {
			n := newNet(b, 15, 64, 5, Options{Rule: rule, Modulation: After})
			l := NewLife[float32](n)
			g := NewGenome(n, draw[float32](n, newRand(1), 0.05))
			l.Begin(g, nil)
			x, o := make([]float32, 15), make([]float32, 5)
			x[3] = 1
			steps := 0
			for b.Loop() {
				if steps++; steps%1600 == 0 {
					l.Begin(g, nil)
				}
				l.Step(x, o)
			}
		})
	}
}
