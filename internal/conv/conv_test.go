package conv_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	. "github.com/engram-lm/engram/internal/conv"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm/layertest"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// problem is a stack with images, parameters and the weights of a loss
// sum(dy * y).
type problem[F kernel.Float] struct {
	n, side, channels int
	layers            []Layer
	stack             *Stack[F]
	x, dy             []F
	params            [][]F
}

func (p *problem[F]) String() string {
	return fmt.Sprintf("%d images %dx%dx%d through %v", p.n, p.side, p.side, p.channels, p.layers)
}

func newProblem[F kernel.Float](t testing.TB, n, side, channels int, layers ...Layer) *problem[F] {
	t.Helper()
	s, err := New[F](side, channels, layers...)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(1, "conv")
	draw := func(n int, bound float64) []F {
		x := make([]F, n)
		for i := range x {
			x[i] = F(r.Uniform(-bound, bound))
		}
		return x
	}
	p := &problem[F]{n: n, side: side, channels: channels, layers: layers, stack: s}
	for _, spec := range s.Params() {
		p.params = append(p.params, draw(spec.Size(), 2*spec.Hi))
	}
	p.x, p.dy = draw(n*side*side*channels, 1), draw(n*s.OutSize(), 1)
	return p
}

// problems has kernels that leave a rim of the image out, overlap, and do not.
func problems[F kernel.Float](t testing.TB) []*problem[F] {
	return []*problem[F]{
		newProblem[F](t, 1, 3, 1, Layer{2, 3, 1}),
		newProblem[F](t, 2, 6, 2, Layer{3, 3, 2}),
		newProblem[F](t, 4, 5, 3, Layer{4, 2, 1}, Layer{2, 1, 1}),
		newProblem[F](t, 7, 8, 1, Layer{5, 2, 3}, Layer{3, 2, 1}),
		newProblem[F](t, 5, 15, 2, Layer{4, 3, 2}, Layer{6, 3, 2}, Layer{3, 3, 2}),
	}
}

// run returns outputs and the gradients of images and parameters.
func (p *problem[F]) run() (y, dx []F, dparams [][]F) {
	y = slices.Clone(p.stack.Forward(p.n, p.params, p.x))
	dx = slices.Repeat([]F{F(math.NaN())}, len(p.x)) // what they held does not matter
	for _, v := range p.params {
		dparams = append(dparams, slices.Repeat([]F{F(math.NaN())}, len(v)))
	}
	p.stack.Backward(p.dy, dx, dparams)
	return y, dx, dparams
}

func TestFiniteDifferences(t *testing.T) {
	for _, p := range problems[float64](t) {
		_, dx, dparams := p.run()
		loss := func() (sum float64) {
			for i, v := range p.stack.Forward(p.n, p.params, p.x) {
				sum += v * p.dy[i]
			}
			return sum
		}
		for k, values := range append([][]float64{p.x}, p.params...) {
			got := append([][]float64{dx}, dparams...)[k]
			want := make([]float64, len(values))
			for i, v := range values {
				const h = 1e-5
				values[i] = v + h
				up := loss()
				values[i] = v - h
				want[i] = (up - loss()) / (2 * h)
				values[i] = v
			}
			layertest.Compare(t, fmt.Sprintf("%v: gradient %d", p, k), got, want, 1e-8)
		}
	}
}

// moved returns x [a, b, c] as [c, a, b] if out, or the reverse of that.
func moved(x []float64, ab, c int, out bool) []float64 {
	y := make([]float64, len(x))
	for i := range ab {
		for j := range c {
			if out {
				y[j*ab+i] = x[i*c+j]
			} else {
				y[i*c+j] = x[j*ab+i]
			}
		}
	}
	return y
}

// images returns images with the channels innermost as gorgonia has them, [N, C,
// H, W], or the reverse.
func images(x []float64, n, channels int, out bool) (y []float64) {
	for image := range slices.Chunk(x, len(x)/n) {
		y = append(y, moved(image, len(image)/channels, channels, out)...)
	}
	return y
}

// kernels returns weights [Kernel, Kernel, In, Out] as gorgonia has them, [Out, In,
// Kernel, Kernel], or the reverse.
func kernels(w []float64, in, outs int, out bool) (y []float64) {
	if !out {
		for filter := range slices.Chunk(w, len(w)/outs) {
			y = append(y, moved(filter, len(filter)/in, in, false)...)
		}
		return moved(y, len(w)/outs, outs, false)
	}
	for filter := range slices.Chunk(moved(w, len(w)/outs, outs, true), len(w)/outs) {
		y = append(y, moved(filter, len(filter)/in, in, true)...)
	}
	return y
}

// The same stack from gorgonia's own nodes, in outputs and every gradient.
func TestComposed(t *testing.T) {
	for _, p := range problems[float64](t) {
		g := G.NewGraph()
		node := func(name string, data []float64, shape ...int) *G.Node {
			v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slices.Clone(data)))
			return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
		}
		x := node("x", images(p.x, p.n, p.channels, true), p.n, p.channels, p.side, p.side)
		h, in, side := x, p.channels, p.side
		wrt := G.Nodes{x}
		for i, l := range p.layers {
			w := node(fmt.Sprint("weight", i), kernels(p.params[2*i], in, l.Out, true), l.Out, in, l.Kernel, l.Kernel)
			bias := node(fmt.Sprint("bias", i), p.params[2*i+1], 1, l.Out, 1, 1)
			wrt = append(wrt, w, bias)
			z := G.Must(G.Conv2d(h, w, tensor.Shape{l.Kernel, l.Kernel}, []int{0, 0}, []int{l.Stride, l.Stride}, []int{1, 1}))
			h = G.Must(G.Tanh(G.Must(G.BroadcastAdd(z, bias, nil, []byte{0, 2, 3}))))
			in, side = l.Out, (side-l.Kernel)/l.Stride+1
		}
		dy := node("dy", images(p.dy, p.n, in, true), p.n, in, side, side)
		grads, err := G.Grad(G.Must(G.Sum(G.Must(G.HadamardProd(h, dy)))), wrt...)
		if err != nil {
			t.Fatal(err)
		}
		var out G.Value
		G.Read(h, &out)
		vm := G.NewTapeMachine(g)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		data := func(n *G.Node) []float64 { return n.Value().Data().([]float64) }
		y, dx, dparams := p.run()
		layertest.Compare(t, p.String()+": output", y, images(out.Data().([]float64), p.n, in, false), 1e-12)
		layertest.Compare(t, p.String()+": dx", dx, images(data(grads[0]), p.n, p.channels, false), 1e-12)
		in = p.channels
		for i, l := range p.layers {
			layertest.Compare(t, fmt.Sprintf("%v: weight %d", p, i), dparams[2*i], kernels(data(grads[1+2*i]), in, l.Out, false), 1e-12)
			layertest.Compare(t, fmt.Sprintf("%v: bias %d", p, i), dparams[2*i+1], data(grads[2+2*i]), 1e-12)
			in = l.Out
		}
		vm.Close()
	}
}

// By hand: a kernel that sees the upper left and the lower right pixel of each
// 2x2 square.
func TestByHand(t *testing.T) {
	s, err := New[float64](4, 1, Layer{1, 2, 2})
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{
		1, 0, 2, 0,
		0, 3, 0, 4,
		5, 0, 6, 0,
		0, 7, 0, 8,
	}
	y := s.Forward(1, [][]float64{{0.01, 0, 0, 0.1}, {0.5}}, x)
	for i, want := range []float64{0.81, 0.92, 1.25, 1.36} {
		if !(math.Abs(y[i]-math.Tanh(want)) <= 1e-15) {
			t.Errorf("place %d: %v, want tanh %v", i, y[i], want)
		}
	}
}

// float32 is float64 but for rounding; also where the products are large.
func TestSingle(t *testing.T) {
	wide := []Layer{{20, 3, 2}, {37, 3, 2}}
	small, large := problems[float32](t), problems[float64](t)
	small = append(small, newProblem[float32](t, 20, 15, 3, wide...))
	large = append(large, newProblem[float64](t, 20, 15, 3, wide...))
	for i, p := range small {
		y, dx, dparams := p.run()
		want, dwant, wantParams := large[i].run()
		single := append([][]float32{y, dx}, dparams...)
		for k, double := range append([][]float64{want, dwant}, wantParams...) {
			got := make([]float64, len(single[k]))
			for j, v := range single[k] {
				got[j] = float64(v)
			}
			layertest.Compare(t, fmt.Sprintf("%v: %d", p, k), got, double, 1e-5)
		}
	}
}

// Neither the number of threads nor the company changes a bit of an output; nor do
// threads of a gradient.
func TestBits(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	p := newProblem[float32](t, 13, 15, 2, Layer{24, 3, 2}, Layer{40, 3, 2})
	runtime.GOMAXPROCS(1)
	y, dx, dparams := p.run()
	for threads := 2; threads <= 4; threads++ {
		runtime.GOMAXPROCS(threads)
		y2, dx2, dparams2 := p.run()
		if !slices.Equal(y, y2) || !slices.Equal(dx, dx2) || !slices.EqualFunc(dparams, dparams2, slices.Equal) {
			t.Errorf("%d threads give other bits than one", threads)
		}
	}
	in, out := len(p.x)/p.n, len(y)/p.n
	for i := range p.n {
		alone := p.stack.Forward(1, p.params, p.x[i*in:(i+1)*in])
		if !slices.Equal(alone, y[i*out:(i+1)*out]) {
			t.Errorf("image %d alone becomes something else", i)
		}
	}
}

// Batches may change their size, and no gradient of the images need be asked for.
func TestSizesChange(t *testing.T) {
	p := newProblem[float64](t, 9, 9, 2, Layer{4, 3, 2}, Layer{3, 2, 1})
	_, _, want := p.run()
	whole := *p
	for n := 1; n < whole.n; n += 3 {
		p.n, p.x, p.dy = n, whole.x[:n*162], whole.dy[:n*27]
		p.run()
	}
	whole.stack.Forward(whole.n, whole.params, whole.x)
	got := make([][]float64, len(want))
	for i := range got {
		got[i] = make([]float64, len(want[i]))
	}
	whole.stack.Backward(whole.dy, nil, got)
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Error("other gradients after batches of other sizes")
	}
}

// The layers for characters: 31, 15, 7, 3 and 1 pixels, and the parameters counted
// by hand.
func TestOmniglot(t *testing.T) {
	s, err := New[float32](31, 1, omniglot...)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range s.Params() {
		n += p.Size()
	}
	if want := 64*9 + 64 + 3*(64*64*9+64); n != want || s.OutSize() != 64 {
		t.Errorf("%d parameters and %d numbers an image, want %d and 64", n, s.OutSize(), want)
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		side, channels int
		layers         []Layer
		want           string
	}{
		{0, 1, omniglot, "4 layers over 0x0 pixels of 1 channels"},
		{9, 0, omniglot, "of 0 channels"},
		{9, 1, nil, "0 layers"},
		{9, 1, []Layer{{1, 3, 1}, {1, 8, 1}}, "layer 1: 1 channels, kernel 8, stride 1 over 7x7 pixels: want"},
		{9, 1, []Layer{{0, 3, 1}}, "layer 0"},
		{9, 1, []Layer{{1, 0, 1}}, "layer 0"},
		{9, 1, []Layer{{1, 3, 0}}, "layer 0"},
	} {
		if _, err := New[float32](c.side, c.channels, c.layers...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
