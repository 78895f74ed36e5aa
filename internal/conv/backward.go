package conv

import "github.com/engram-lm/engram/internal/kernel"

// Backward overwrites dparams with the gradients of the last Forward's parameters,
// and dx with those of its images (nil: not asked for), given dy [N, side, side,
// Out].
func (s *Stack[F]) Backward(dy, dx []F, dparams [][]F) {
	s.dx, s.dparams = dx, dparams
	for i := range s.layers {
		l := &s.layers[i]
		kernel.Grow(&l.dz, s.n*l.outSize())
		kernel.Grow(&l.adjoint, len(s.params[2*i]))
	}
	copy(s.layers[len(s.layers)-1].dz, dy)
	kernel.Parallel(parts, s.transpose)
	kernel.Parallel(s.groups(), s.adjoin)
	kernel.Parallel(parts, s.sum)
	s.images, s.dx, s.dparams = nil, nil, nil
}

// parts is how many tasks the work on parameters is cut into. Each has its share of
// every layer's, so that a core finds in its cache what it has written before.
const parts = 16

// part returns which of n things a task takes.
func part(task, n int) (first, end int) { return task * n / parts, (task + 1) * n / parts }

// transposePart prepares a part of the weights for the way back.
func (s *Stack[F]) transposePart(task int) {
	for i := range s.layers {
		if l := &s.layers[i]; i > 0 || s.dx != nil {
			first, end := part(task, l.window())
			l.transpose(s.params[2*i], first, end)
		}
	}
}

// transpose copies rows of the weights [Window, Out] to adjoint.
func (l *layer[F]) transpose(weight []F, first, end int) {
	for r := first; r < end; {
		pixel, i := r/l.in, r%l.in
		n := min(l.in-i, end-r)
		kernel.Transpose(n, l.Out, weight[r*l.Out:], l.Out, l.adjoint[pixel*l.in*l.Out+i:], l.in)
		r += n
	}
}

// backwardGroup takes the gradients of a group of images back through all layers:
// each layer's dz is first that of its outputs, then that of their inputs.
func (s *Stack[F]) backwardGroup(group int) {
	i0 := group * groupImages
	i1 := min(i0+groupImages, s.n)
	for i := len(s.layers) - 1; i >= 0; i-- {
		l := &s.layers[i]
		dz := l.dz[i0*l.outSize() : i1*l.outSize()]
		kernel.TanhBackward(dz, l.y[i0*l.outSize():])
		din := s.dx
		if i > 0 {
			din = s.layers[i-1].dz
		} else if din == nil {
			return
		}
		l.inputGradient(i1-i0, dz, din[i0*l.inSize():i1*l.inSize()])
	}
}

// inputGradient overwrites din with the gradient of n images, given that of what the
// neurons got. A pixel's terms are added in the order of the places that see it: from
// the window's last pixel, which the first place has there, to its first.
func (l *layer[F]) inputGradient(n int, dz, din []F) {
	clear(din)
	a := kernel.Gathered[F]{X: dz, Rows: l.rows[:n*l.places()], Columns: l.channels}
	for pixel := l.Kernel*l.Kernel - 1; pixel >= 0; pixel-- {
		seen := din[l.elements[pixel*l.in]:]
		a.Mul(l.in, l.adjoint[pixel*l.in*l.Out:], l.in, seen, l.starts, seen, l.starts)
	}
}

// gradientPart works out a part of the parameters' gradients: rows of the weights, or
// columns of few rows and of biases, as many as a cache line has numbers.
func (s *Stack[F]) gradientPart(task int) {
	in := s.images
	for i := range s.layers {
		l := &s.layers[i]
		dweight, dbias := s.dparams[2*i], s.dparams[2*i+1]
		const line = 16
		first, end := part(task, (l.Out+line-1)/line)
		column, columns := line*first, min(line*end, l.Out)-line*first
		if first, end := part(task, l.window()); l.window() >= 6*parts {
			l.weightGradient(s.n, in, first, end, 0, l.Out, dweight)
		} else {
			l.weightGradient(s.n, in, 0, l.window(), column, columns, dweight)
		}
		if columns > 0 {
			sum := dbias[column : column+columns]
			clear(sum)
			kernel.AddRows(sum, l.dz[column:], l.Out)
		}
		in = l.y
	}
}

// weightGradient overwrites rows and columns of dweight with the gradient, given n
// images and dz.
func (l *layer[F]) weightGradient(n int, images []F, first, end, column, columns int, dweight []F) {
	a := l.windows(n, images)
	a.Rows, a.Columns = a.Columns[first:end], a.Rows
	a.Mul(columns, l.dz[column:], l.Out, nil, nil, dweight[column:], l.rows[first:end])
}
