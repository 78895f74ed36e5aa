package conv

import "github.com/engram-lm/engram/internal/kernel"

// Backward overwrites dparams with the gradients of the last Forward's parameters,
// and dx with those of its images (nil: not asked for), given dy [N, side, side,
// Out].
func (s *Stack[F]) Backward(dy, dx []F, dparams [][]F) {
	s.dx = dx
	for i := range s.layers {
		l := &s.layers[i]
		kernel.Grow(&l.dz, s.n*l.outSize())
		if i > 0 || dx != nil {
			l.adjoint.Pack(true, l.Out, l.window(), s.params[2*i], l.Out)
		}
	}
	copy(s.layers[len(s.layers)-1].dz, dy)
	kernel.ParallelWorkers(s.groups(), s.adjoin)
	s.dx = nil
	for i := range s.layers {
		l := &s.layers[i]
		l.weightGradient(s.n*l.places(), dparams[2*i])
		l.biasGradient(dparams[2*i+1])
	}
}

// backwardGroup takes the gradients of a group of images back through all layers:
// each layer's dz is first that of its outputs, then that of their inputs.
func (s *Stack[F]) backwardGroup(worker, group int) {
	i0 := group * groupImages
	i1 := min(i0+groupImages, s.n)
	for i := len(s.layers) - 1; i >= 0; i-- {
		l := &s.layers[i]
		dz := l.dz[i0*l.outSize() : i1*l.outSize()]
		throughTanh(dz, l.y[i0*l.outSize():])
		din := s.dx
		if i > 0 {
			din = s.layers[i-1].dz
		} else if din == nil {
			return
		}
		rows := (i1 - i0) * l.places()
		kernel.Grow(&s.scratch[worker], rows*l.window())
		l.adjoint.Mul(rows, dz, l.Out, 0, s.scratch[worker], l.window())
		din = din[i0*l.inSize() : i1*l.inSize()]
		clear(din)
		l.scatter(din, s.scratch[worker])
	}
}

// throughTanh computes d *= 1 - y^2, in pieces that stay in the nearest cache.
func throughTanh[F kernel.Float](d, y []F) {
	var squares [1024]F
	for len(d) > 0 {
		n := min(len(squares), len(d))
		kernel.Mul(squares[:n], y, y)
		kernel.Mul(squares[:n], squares[:n], d)
		kernel.Axpy(-1, squares[:n], d)
		d, y = d[n:], y[n:]
	}
}

func (l *layer[F]) weightGradient(rows int, dweight []F) {
	kernel.Gemm(true, false, l.window(), l.Out, rows, 1, l.windows, l.window(), l.dz, l.Out, 0, dweight, l.Out)
}

func (l *layer[F]) biasGradient(dbias []F) {
	clear(dbias)
	for dz := l.dz; len(dz) > 0; dz = dz[l.Out:] {
		kernel.Add(dbias, dz)
	}
}
