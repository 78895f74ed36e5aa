package omniglot

import (
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
)

func paper() settings { return task.Presets[1].Own }

// The paper's sizes: four convolutions of 64 channels, 64 x 5 weights, and as many
// coefficients and a rate for plasticity.
func TestPaper(t *testing.T) {
	s := paper()
	for name, want := range map[string]int{plastic: 112_065, fixed: 112_065 - 321} {
		n, err := params(name, &s)
		must(t, err)
		if n != want {
			t.Errorf("%s: %d parameters, want %d", name, n, want)
		}
	}
	if s.steps() != 6 || s.Batch != 1 {
		t.Errorf("%d steps, %d episodes an update; want 6 and 1", s.steps(), s.Batch)
	}
	for updates, want := range map[int]float64{
		0: 3e-5, 999_999: 3e-5, 1_000_000: 3e-5 * 0.666, 4_999_999: 3e-5 * 0.666 * 0.666 * 0.666 * 0.666,
	} {
		if got := s.rate(updates); !(math.Abs(got-want) <= 1e-15) {
			t.Errorf("learning rate after %d updates: %v, want %v", updates, got, want)
		}
	}
}

// trial is a network with drawings and labels of B episodes.
type trial struct {
	*network[float64]
	s      settings
	b      int
	images []float64
	labels []int // [T, B]
	test   []int // [B]
}

func newTrial(t *testing.T, name string, s settings, batch int) *trial {
	t.Helper()
	layer, err := last(name, &s)
	must(t, err)
	stack, err := convolutions[float64](&s)
	must(t, err)
	r := rng.New(1, name)
	draw := func(n int, lo, hi float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.Uniform(lo, hi)
		}
		return x
	}
	c := &trial{network: &network[float64]{stack: stack, layer: layer, scan: lstm.NewScan[float64](layer)}, s: s, b: batch}
	add := func(specs []lstm.Param) (values, grads [][]float64) {
		for _, p := range specs {
			lo, hi := 3*p.Lo, 3*p.Hi
			switch p.Name {
			case "alpha":
				lo, hi = -1, 2
			case "eta":
				lo, hi = 0.4, 0.6
			}
			values, grads = append(values, draw(p.Size(), lo, hi)), append(grads, make([]float64, p.Size()))
		}
		return values, grads
	}
	c.stackParams, c.stackGrads = add(stack.Params())
	c.layerParams, c.layerGrads = add(layer.Params())
	c.images = draw(s.steps()*batch*omniglot.Pixels, 0, 1)
	for range batch {
		c.test = append(c.test, r.IntN(s.Ways))
	}
	for step := range s.steps() {
		for b := range batch {
			if step == s.steps()-1 {
				c.labels = append(c.labels, -1)
			} else {
				c.labels = append(c.labels, (step+b)%s.Ways)
			}
		}
	}
	return c
}

// run returns the sum of the losses over the streams and its gradient by the
// outputs.
func (c *trial) run() (loss float64, dy []float64) {
	y := c.forward(c.b, c.images, c.labels)
	dy = make([]float64, len(y))
	for b, label := range c.test {
		loss += crossEntropy(y[b*c.s.Ways:(b+1)*c.s.Ways], label, 1, dy[b*c.s.Ways:])
	}
	return loss, dy
}

// Every gradient, from the loss through traces and convolutions, by finite
// differences; of the convolutions' weights, some.
func TestGradients(t *testing.T) {
	for _, name := range []string{plastic, fixed} {
		c := newTrial(t, name, settings{Ways: 3, Shots: 2, Features: 3}, 2)
		_, dy := c.run()
		c.backward(dy)
		values := slices.Concat(c.stackParams, c.layerParams)
		for k, grad := range slices.Concat(c.stackGrads, c.layerGrads) {
			var got, want []float64
			for i := 0; i < len(grad); i += max(1, len(grad)/12) {
				const h = 1e-5
				v := values[k][i]
				values[k][i] = v + h
				up, _ := c.run()
				values[k][i] = v - h
				down, _ := c.run()
				values[k][i] = v
				got, want = append(got, grad[i]), append(want, (up-down)/(2*h))
			}
			layertest.Compare(t, name+": gradient", got, want, 1e-6)
		}
	}
}

// naive returns the outputs at the last step of one stream, in plain loops over
// what the equations say.
func (c *trial) naive(b int) []float64 {
	p := c.layerParams
	features, ways := c.s.Features, c.s.Ways
	hebb := make([]float64, ways*features)
	var y []float64
	for step := range c.s.steps() {
		r := step*c.b + b
		x := c.images[r*omniglot.Pixels : (r+1)*omniglot.Pixels]
		side, in := omniglot.Side, 1
		for l := range 4 {
			weight, bias := c.stackParams[2*l], c.stackParams[2*l+1]
			next := (side-3)/2 + 1
			out := make([]float64, next*next*features)
			for i := range out {
				o, px, py := i%features, i/features%next, i/features/next
				z := bias[o]
				for d := range 9 * in {
					ch, dx, dy := d%in, d/in%3, d/in/3
					z += weight[d*features+o] * x[((2*py+dy)*side+2*px+dx)*in+ch]
				}
				out[i] = math.Tanh(z)
			}
			x, side, in = out, next, features
		}
		y = make([]float64, ways)
		sum := 0.0
		for j := range y {
			if c.labels[r] == j {
				y[j] = 1000
			}
			for i, v := range x {
				w := p[0][j*features+i]
				if len(p) > 1 {
					w += p[1][j*features+i] * hebb[j*features+i]
				}
				y[j] += w * v
			}
		}
		most := slices.Max(y)
		for j := range y {
			y[j] = math.Exp(y[j] - most)
			sum += y[j]
		}
		for j := range y {
			y[j] /= sum
			for i, v := range x {
				if len(p) > 1 { // Oja's rule
					a := &hebb[j*features+i]
					*a += p[2][0] * y[j] * (v - y[j]**a)
				}
			}
		}
	}
	return y
}

func TestNaive(t *testing.T) {
	for _, name := range []string{plastic, fixed} {
		c := newTrial(t, name, settings{Ways: 4, Shots: 2, Features: 5}, 3)
		y := c.forward(c.b, c.images, c.labels)
		for b := range c.b {
			layertest.Compare(t, name, y[b*c.s.Ways:(b+1)*c.s.Ways], c.naive(b), 1e-12)
		}
	}
}

// A stream's outputs have the same bits alone, and the gradients of a batch are the
// sums of its streams'.
func TestStreamAlone(t *testing.T) {
	c := newTrial(t, plastic, settings{Ways: 3, Shots: 1, Features: 4}, 3)
	_, dy := c.run()
	y := slices.Clone(c.y)
	c.backward(dy)
	want := slices.Concat(slices.Concat(c.stackGrads...), slices.Concat(c.layerGrads...))
	got := make([]float64, len(want))
	for b := range c.b {
		one := *c
		one.b, one.images, one.labels, one.test = 1, nil, nil, c.test[b:b+1]
		for r := b; r < len(c.labels); r += c.b {
			one.images = append(one.images, c.images[r*omniglot.Pixels:(r+1)*omniglot.Pixels]...)
			one.labels = append(one.labels, c.labels[r])
		}
		_, dy := one.run()
		for step := range c.s.steps() {
			r := step*c.b + b
			if !slices.Equal(one.network.y[step*c.s.Ways:(step+1)*c.s.Ways], y[r*c.s.Ways:(r+1)*c.s.Ways]) {
				t.Errorf("stream %d alone has other outputs at step %d", b, step)
			}
		}
		one.backward(dy)
		kernel.Add(got, slices.Concat(slices.Concat(one.stackGrads...), slices.Concat(one.layerGrads...)))
	}
	layertest.Compare(t, "gradients", got, want, 1e-12)
}

func TestCrossEntropy(t *testing.T) {
	y := []float64{0.7, 0.2, 0.1}
	dy := make([]float64, 3)
	if got, want := crossEntropy(y, 0, 3, dy), -(math.Log(0.7)+math.Log(0.8)+math.Log(0.9))/3; !(math.Abs(got-want) <= 1e-15) {
		t.Errorf("%v, want %v", got, want)
	}
	layertest.Compare(t, "gradient", dy, []float64{-1 / 0.7, 1 / 0.8, 1 / 0.9}, 1e-15)
	// Outputs that have rounded to 0 and 1 give finite numbers, on either side.
	for label := range 2 {
		dy := make([]float32, 2)
		for _, y := range [][]float32{{1, 0}, {1, 1e-40}, {1, 1e-9}} {
			loss := crossEntropy(y, label, 1, dy)
			if math.IsNaN(loss) || loss < 0 || loss > 100 || kernel.IndexNonFinite(dy) >= 0 {
				t.Errorf("outputs %v, label %d: loss %v, gradient %v", y, label, loss, dy)
			}
		}
	}
	// What is left to the right neuron shows where 1 - y is 0.
	if got := crossEntropy([]float32{1, 1e-9}, 1, 1, make([]float32, 2)); !(math.Abs(got+math.Log(1e-9)) <= 1e-5) {
		t.Errorf("loss %v, want %v", got, -math.Log(1e-9))
	}
}
