// Package conv holds stacks of convolutions with tanh neurons, forward and
// backward, on internal/kernel:
//
//	y_o(p) = tanh( b_o + sum_{d, i} w_dio x_i(stride p + d) )
//
// over square images without padding. Channels lie innermost: what a neuron sees
// of a row of the image is one stretch of memory. A convolution is the product of
// such windows with the weights; no window is ever copied, for kernel.Gathered
// multiplies what lies at offsets.
//
// gorgonia has convolutions of its own. For the layers that learn Omniglot's
// characters, six drawings forward and backward on one core, its nodes take 13
// times as long as these (16 runs of each in turn; by medians and by least times)
// and allocate 6 MB in 2,100 objects each time. The benchmarks have both.
package conv

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// Layer is a convolution by square kernels.
type Layer struct{ Out, Kernel, Stride int } // channels out, and sizes in pixels

// Stack is layers at work, one upon the other. It owns the memory it needs and
// uses it again; it is not safe for concurrent use, but uses several cores itself.
// The same inputs give the same bits on any number of them, and an image the same
// outputs in any batch.
type Stack[F kernel.Float] struct {
	layers []layer[F]
	n      int   // images of the last Forward
	dx     []F   // where the last Backward was asked to put the images' gradient
	images []F   // of the last Forward
	params [][]F // likewise

	dparams                         [][]F // as dx
	forward, transpose, adjoin, sum func(task int)
}

// layer is a Layer within a stack.
type layer[F kernel.Float] struct {
	Layer
	in, side, outSide int

	adjoint []F // [Kernel, Kernel, Out, In]: the weights of each pixel, transposed
	y, dz   []F // [N, OutSide, OutSide, Out]

	starts   []int32 // [N OutSide OutSide]: where in the images each window begins
	elements []int32 // [Window]: where in a window each of its elements lies
	channels []int32 // [Out]: 0, 1, ...
	rows     []int32 // [max(N OutSide OutSide, Window)]: where the rows of y, dz and weights begin
}

// New returns layers over images of side x side pixels and the given number of
// channels.
func New[F kernel.Float](side, channels int, layers ...Layer) (*Stack[F], error) {
	if side < 1 || channels < 1 || len(layers) == 0 {
		return nil, fmt.Errorf("conv: %d layers over %dx%d pixels of %d channels: want at least 1 of each", len(layers), side, side, channels)
	}
	s := new(Stack[F])
	s.forward, s.transpose, s.adjoin, s.sum = s.forwardGroup, s.transposePart, s.backwardGroup, s.gradientPart
	for i, l := range layers {
		if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || l.Kernel > side {
			return nil, fmt.Errorf("conv: layer %d: %d channels, kernel %d, stride %d over %dx%d pixels: want at least 1 of each, and a kernel that fits",
				i, l.Out, l.Kernel, l.Stride, side, side)
		}
		s.layers = append(s.layers, newLayer[F](l, side, channels))
		side, channels = (side-l.Kernel)/l.Stride+1, l.Out
	}
	return s, nil
}

func newLayer[F kernel.Float](of Layer, side, channels int) layer[F] {
	l := layer[F]{Layer: of, in: channels, side: side, outSide: (side-of.Kernel)/of.Stride + 1}
	for y := range l.Kernel {
		for x := range l.Kernel * l.in {
			l.elements = append(l.elements, int32(y*l.side*l.in+x))
		}
	}
	l.channels = multiples(nil, l.Out, 1)
	l.rows = multiples(nil, l.window(), l.Out)
	return l
}

// multiples extends 0, size, 2 size, ... to n numbers.
func multiples(x []int32, n, size int) []int32 {
	for i := len(x); i < n; i++ {
		x = append(x, int32(i*size))
	}
	return x
}

// Params lists the parameters, layer by layer: "0.weight" [Kernel, Kernel, In,
// Out] and "0.bias" [Out]; both are drawn within 1/sqrt of a neuron's inputs.
func (s *Stack[F]) Params() []lstm.Param {
	var all []lstm.Param
	for i, l := range s.layers {
		k := 1 / math.Sqrt(float64(l.window()))
		all = append(all, named(i, "weight", -k, k, l.Kernel, l.Kernel, l.in, l.Out), named(i, "bias", -k, k, l.Out))
	}
	return all
}

// named is a parameter of a layer, to be drawn between two bounds.
func named(layer int, name string, lo, hi float64, shape ...int) lstm.Param {
	return lstm.Param{Name: fmt.Sprintf("%d.%s", layer, name), Shape: shape, Lo: lo, Hi: hi}
}

// OutSize returns how many numbers an image becomes.
func (s *Stack[F]) OutSize() int { return s.layers[len(s.layers)-1].outSize() }

// window is how many inputs a neuron has.
func (l *layer[F]) window() int { return l.Kernel * l.Kernel * l.in }

// places is at how many places of an image the kernel lies.
func (l *layer[F]) places() int { return l.outSide * l.outSide }

func (l *layer[F]) inSize() int { return l.side * l.side * l.in }

func (l *layer[F]) outSize() int { return l.places() * l.Out }

// groupImages are taken through all layers by one worker, one layer after the
// other, while what they have become is in its cache.
const groupImages = 3

func (s *Stack[F]) groups() int { return (s.n + groupImages - 1) / groupImages }

// Forward takes n images [N, Side, Side, Channels] through the stack and returns
// what they become [N, side, side, Out], a view that the next call overwrites. The
// images and parameters must stay as they are until Backward has returned.
func (s *Stack[F]) Forward(n int, params [][]F, x []F) []F {
	s.n, s.params, s.images = n, params, x[:n*s.layers[0].inSize()]
	for i := range s.layers {
		s.layers[i].grow(n)
	}
	kernel.Parallel(s.groups(), s.forward)
	return s.layers[len(s.layers)-1].y
}

// grow makes room for n images.
func (l *layer[F]) grow(n int) {
	kernel.Grow(&l.y, n*l.outSize())
	for i := len(l.starts) / l.places(); i < n; i++ {
		for y := range l.outSide {
			for x := range l.outSide {
				l.starts = append(l.starts, int32(i*l.inSize()+(y*l.side+x)*l.Stride*l.in))
			}
		}
	}
	l.rows = multiples(l.rows, n*l.places(), l.Out)
}

// forwardGroup takes a group of images through all layers.
func (s *Stack[F]) forwardGroup(group int) {
	i0 := group * groupImages
	i1 := min(i0+groupImages, s.n)
	in := s.images
	for i := range s.layers {
		l := &s.layers[i]
		y := l.y[i0*l.outSize() : i1*l.outSize()]
		l.convolve(i1-i0, in[i0*l.inSize():], s.params[2*i], s.params[2*i+1], y)
		kernel.Tanh(y, y)
		in = l.y
	}
}

// windows are n images as a matrix, a window in each row.
func (l *layer[F]) windows(n int, images []F) kernel.Gathered[F] {
	return kernel.Gathered[F]{X: images, Rows: l.starts[:n*l.places()], Columns: l.elements}
}

// convolve computes what the neurons get of n images, with a bias unless that is nil.
func (l *layer[F]) convolve(n int, images, weight, bias, z []F) {
	l.windows(n, images).Mul(l.Out, weight, l.Out, bias, nil, z, l.rows)
}
