package conv

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// Normed is layers of convolutions with batch normalisation and rectified neurons
// [1], as nets that learn from few examples mostly have:
//
//	y_o(p) = max(0, g_o (z_o(p) - mean_o) / sqrt(var_o + 1e-5) + s_o),
//	z_o(p) = sum_{d, i} w_dio x_i(stride p + d)
//
// with mean and variance over the images of the call and their places, always: there
// are no running averages, so what an image becomes depends on those beside it. A
// convolution needs no bias, the shift s takes its place.
//
// It uses one core, whereas a Stack uses several: who learns many small problems
// side by side has no more to give. It owns its memory and is not safe for
// concurrent use.
//
//	[1] Ioffe and Szegedy, Batch normalization, ICML 2015, arXiv:1502.03167.
type Normed[F kernel.Float] struct {
	layers []normed[F]
	n      int
	images []F   // of the last Forward
	params [][]F // likewise
}

// normed is a layer within: its y and dz are those of the layer it contains.
type normed[F kernel.Float] struct {
	layer[F]
	hat  []F // (z - mean) rstd, [N, OutSide, OutSide, Out]
	rstd []F // [Out]

	centre, slope, gain []F // [Out], of the pass under way
}

const normEps = 1e-5

// NewNormed is as New.
func NewNormed[F kernel.Float](side, channels int, layers ...Layer) (*Normed[F], error) {
	plain, err := New[F](side, channels, layers...)
	if err != nil {
		return nil, err
	}
	s := &Normed[F]{}
	for _, l := range plain.layers {
		s.layers = append(s.layers, normed[F]{
			layer: l, rstd: make([]F, l.Out),
			centre: make([]F, l.Out), slope: make([]F, l.Out), gain: make([]F, l.Out),
		})
	}
	return s, nil
}

// Params lists the parameters, layer by layer: "0.weight" [Kernel, Kernel, In, Out],
// drawn with a variance of 2 over a neuron's inputs (He et al. 2015), "0.scale"
// [Out], which starts at 1, and "0.shift" [Out], at 0.
func (s *Normed[F]) Params() []lstm.Param {
	var all []lstm.Param
	for i := range s.layers {
		l := &s.layers[i]
		k := math.Sqrt(6 / float64(l.window()))
		all = append(all, named(i, "weight", -k, k, l.Kernel, l.Kernel, l.in, l.Out),
			named(i, "scale", 1, 1, l.Out), named(i, "shift", 0, 0, l.Out))
	}
	return all
}

// OutSize returns how many numbers an image becomes.
func (s *Normed[F]) OutSize() int { return s.layers[len(s.layers)-1].outSize() }

// Forward is as Stack.Forward.
func (s *Normed[F]) Forward(n int, params [][]F, x []F) []F {
	s.n, s.params, s.images = n, params, x
	for i := range s.layers {
		l := &s.layers[i]
		rows := n * l.places()
		l.grow(n)
		kernel.Grow(&l.hat, n*l.outSize())
		l.convolve(n, x, params[3*i], nil, l.hat)
		l.normalise(rows)
		l.rectify(rows, params[3*i+1], params[3*i+2])
		x = l.y
	}
	return x
}

// normalise turns z, which lies in hat [rows, Out], into (z - mean) rstd.
func (l *normed[F]) normalise(rows int) {
	share := 1 / F(rows)
	minusMean, variance := l.centre, l.slope
	clear(minusMean)
	for z := l.hat; len(z) > 0; z = z[l.Out:] {
		kernel.Axpy(-share, z[:l.Out], minusMean)
	}
	clear(variance)
	for z := l.hat; len(z) > 0; z = z[l.Out:] {
		kernel.Add(z[:l.Out], minusMean)
		kernel.MulAdd(variance, z[:l.Out], z[:l.Out])
	}
	for o, v := range variance {
		l.rstd[o] = F(1 / math.Sqrt(float64(v*share)+normEps))
	}
	for z := l.hat; len(z) > 0; z = z[l.Out:] {
		kernel.Mul(z[:l.Out], z[:l.Out], l.rstd)
	}
}

// rectify writes y.
func (l *normed[F]) rectify(rows int, scale, shift []F) {
	for r := range rows {
		y, hat := l.y[r*l.Out:(r+1)*l.Out], l.hat[r*l.Out:(r+1)*l.Out]
		copy(y, shift)
		kernel.MulAdd(y, scale, hat)
		for o, v := range y {
			y[o] = max(v, 0)
		}
	}
}

// Backward overwrites dparams with the gradients of the last Forward's parameters,
// given dy [N, side, side, Out].
func (s *Normed[F]) Backward(dy []F, dparams [][]F) {
	last := len(s.layers) - 1
	kernel.Grow(&s.layers[last].dz, len(dy))
	copy(s.layers[last].dz, dy)
	for i := last; i >= 0; i-- {
		l := &s.layers[i]
		rows := s.n * l.places()
		l.normaliseBackward(rows, s.params[3*i+1], dparams[3*i+1], dparams[3*i+2])
		in := s.images
		if i > 0 {
			in = s.layers[i-1].y
		}
		l.weightGradient(s.n, in, 0, l.window(), 0, l.Out, dparams[3*i])
		if i == 0 {
			return
		}
		kernel.Grow(&l.adjoint, len(s.params[3*i]))
		l.transpose(s.params[3*i], 0, l.window())
		below := &s.layers[i-1]
		kernel.Grow(&below.dz, s.n*l.inSize())
		l.inputGradient(s.n, l.dz, below.dz)
	}
}

// normaliseBackward turns dz, which is y's gradient, into z's:
//
//	dz = g rstd (d - mean(d) - hat mean(d hat)),  d = dy where y > 0
func (l *normed[F]) normaliseBackward(rows int, scale, dscale, dshift []F) {
	clear(dscale)
	clear(dshift)
	for r := range rows {
		d, y := l.dz[r*l.Out:(r+1)*l.Out], l.y[r*l.Out:(r+1)*l.Out]
		for o, v := range y {
			if v <= 0 {
				d[o] = 0
			}
		}
		kernel.Add(dshift, d)
		kernel.MulAdd(dscale, d, l.hat[r*l.Out:(r+1)*l.Out])
	}
	share := 1 / F(rows)
	for o := range l.Out {
		l.centre[o], l.slope[o], l.gain[o] = -share*dshift[o], -share*dscale[o], scale[o]*l.rstd[o]
	}
	for r := range rows {
		d := l.dz[r*l.Out : (r+1)*l.Out]
		kernel.Add(d, l.centre)
		kernel.MulAdd(d, l.hat[r*l.Out:(r+1)*l.Out], l.slope)
		kernel.Mul(d, d, l.gain)
	}
}
