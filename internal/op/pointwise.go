package op

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Clamp is x within [-c, c], element by element. Its gradient passes where x lies
// within, on the bounds too, and is zero outside. gorgonia has none that can be
// differentiated, and one made of its absolute values halves the gradient on the
// bounds, where every clipped trace lies.
func Clamp(x *G.Node, c float64) (*G.Node, error) {
	switch x.Dtype() {
	case tensor.Float32:
		return Apply(&clamp[float32]{c: float32(c)}, x.Shape(), x)
	case tensor.Float64:
		return Apply(&clamp[float64]{c: c}, x.Shape(), x)
	}
	return nil, fmt.Errorf("op: a clamp of %v: float32 or float64 is wanted", x.Dtype())
}

type clamp[F Float] struct {
	Buffers[F]
	c F
}

func (f *clamp[F]) String() string        { return fmt.Sprintf("clamp %v", f.c) }
func (*clamp[F]) Differentiable(int) bool { return true }

func (f *clamp[F]) Forward(in []G.Value, out []F) error {
	for i, x := range Data[F](in[0]) {
		out[i] = max(-f.c, min(x, f.c))
	}
	return nil
}

func (f *clamp[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	for i, x := range Data[F](in[0]) {
		gin[0][i] = 0
		if x >= -f.c && x <= f.c {
			gin[0][i] = gout[i]
		}
	}
	return nil
}

// SoftMax is the softmax of each row of x [rows, classes]. gorgonia's, by tensor
// v0.9.24, takes the first number of the whole matrix in the place of each row's
// own for its maximum, and so gives NaN where a later row begins with a large one.
func SoftMax(x *G.Node) (*G.Node, error) {
	if x.Dims() != 2 {
		return nil, fmt.Errorf("op: a softmax over the shape %v: want [rows, classes]", x.Shape())
	}
	switch x.Dtype() {
	case tensor.Float32:
		return Apply(&softmax[float32]{}, x.Shape(), x)
	case tensor.Float64:
		return Apply(&softmax[float64]{}, x.Shape(), x)
	}
	return nil, fmt.Errorf("op: a softmax of %v: float32 or float64 is wanted", x.Dtype())
}

type softmax[F Float] struct {
	Buffers[F]
	y []F // as Forward left it
}

func (*softmax[F]) String() string          { return "softmax" }
func (*softmax[F]) Differentiable(int) bool { return true }

func (f *softmax[F]) Forward(in []G.Value, out []F) error {
	n := in[0].Shape()[1]
	x := Data[F](in[0])
	for r := 0; r < len(x); r += n {
		row, y := x[r:r+n], out[r:r+n]
		most, sum := row[0], F(0)
		for _, v := range row {
			most = max(most, v)
		}
		for i, v := range row {
			y[i] = F(math.Exp(float64(v - most)))
			sum += y[i]
		}
		for i := range y {
			y[i] /= sum
		}
	}
	f.y = append(f.y[:0], out...)
	return nil
}

// Backward is dx = y (dy - y . dy).
func (f *softmax[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	n := in[0].Shape()[1]
	for r := 0; r < len(f.y); r += n {
		y, dy, dx := f.y[r:r+n], gout[r:r+n], gin[0][r:r+n]
		var mean F
		for i := range y {
			mean += y[i] * dy[i]
		}
		for i := range y {
			dx[i] = y[i] * (dy[i] - mean)
		}
	}
	return nil
}
