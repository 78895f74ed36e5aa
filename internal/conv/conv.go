// Package conv holds stacks of convolutions with tanh neurons, forward and
// backward, on internal/kernel:
//
//	y_o(p) = tanh( b_o + sum_{d, i} w_dio x_i(stride p + d) )
//
// over square images without padding. Channels lie innermost: what a neuron sees
// of a row of the image is one stretch of memory, and a convolution is a product
// of such windows, gathered once, with the weights.
//
// gorgonia has convolutions of its own. For the layers that learn Omniglot's
// characters, six drawings forward and backward on one core, its nodes take 15
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
	images []F   // of the Forward under way
	params [][]F // of the last Forward

	scratch         [][]F // per worker: gradients of windows
	forward, adjoin func(worker, group int)
}

// layer is a Layer within a stack.
type layer[F kernel.Float] struct {
	Layer
	in, side, outSide int

	weight, adjoint kernel.Packed[F] // [Window, Out], and its transpose
	windows         []F              // [N, OutSide, OutSide, Window]
	y, dz           []F              // [N, OutSide, OutSide, Out]
}

// New returns layers over images of side x side pixels and the given number of
// channels.
func New[F kernel.Float](side, channels int, layers ...Layer) (*Stack[F], error) {
	if side < 1 || channels < 1 || len(layers) == 0 {
		return nil, fmt.Errorf("conv: %d layers over %dx%d pixels of %d channels: want at least 1 of each", len(layers), side, side, channels)
	}
	s := &Stack[F]{scratch: make([][]F, kernel.Workers())}
	s.forward, s.adjoin = s.forwardGroup, s.backwardGroup
	for i, l := range layers {
		if l.Out < 1 || l.Kernel < 1 || l.Stride < 1 || l.Kernel > side {
			return nil, fmt.Errorf("conv: layer %d: %d channels, kernel %d, stride %d over %dx%d pixels: want at least 1 of each, and a kernel that fits",
				i, l.Out, l.Kernel, l.Stride, side, side)
		}
		outSide := (side-l.Kernel)/l.Stride + 1
		s.layers = append(s.layers, layer[F]{Layer: l, in: channels, side: side, outSide: outSide})
		side, channels = outSide, l.Out
	}
	return s, nil
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
// parameters must stay as they are until Backward has returned.
func (s *Stack[F]) Forward(n int, params [][]F, x []F) []F {
	s.n, s.params, s.images = n, params, x[:n*s.layers[0].inSize()]
	for i := range s.layers {
		l := &s.layers[i]
		kernel.Grow(&l.windows, n*l.places()*l.window())
		kernel.Grow(&l.y, n*l.outSize())
		l.weight.Pack(false, l.window(), l.Out, params[2*i], l.Out)
	}
	kernel.ParallelWorkers(s.groups(), s.forward)
	s.images = nil
	return s.layers[len(s.layers)-1].y
}

// forwardGroup takes a group of images through all layers.
func (s *Stack[F]) forwardGroup(_, group int) {
	i0 := group * groupImages
	i1 := min(i0+groupImages, s.n)
	in := s.images
	for i := range s.layers {
		l := &s.layers[i]
		rows := (i1 - i0) * l.places()
		windows := l.windows[i0*l.places()*l.window():][:rows*l.window()]
		l.gather(windows, in[i0*l.inSize():i1*l.inSize()])
		y := l.y[i0*l.outSize() : i1*l.outSize()]
		for r := range rows {
			copy(y[r*l.Out:(r+1)*l.Out], s.params[2*i+1])
		}
		l.weight.Mul(rows, windows, l.window(), 1, y, l.Out)
		kernel.Tanh(y, y)
		in = l.y
	}
}

// gather copies what the neurons at each place of the images see.
func (l *layer[F]) gather(windows, images []F) {
	row := l.side * l.in    // of an image
	seen := l.Kernel * l.in // of it by a neuron
	for len(images) > 0 {
		for y := range l.outSide {
			for x := range l.outSide {
				from := y*l.Stride*row + x*l.Stride*l.in
				for range l.Kernel {
					copy(windows[:seen], images[from:])
					windows, from = windows[seen:], from+row
				}
			}
		}
		images = images[l.inSize():]
	}
}

// scatter adds the gradients of what the neurons see to those of the images.
func (l *layer[F]) scatter(images, windows []F) {
	row := l.side * l.in
	seen := l.Kernel * l.in
	for len(images) > 0 {
		for y := range l.outSide {
			for x := range l.outSide {
				to := y*l.Stride*row + x*l.Stride*l.in
				for range l.Kernel {
					kernel.Add(images[to:to+seen], windows)
					windows, to = windows[seen:], to+row
				}
			}
		}
		images = images[l.inSize():]
	}
}
