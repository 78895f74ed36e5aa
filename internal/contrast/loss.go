package contrast

import "github.com/engram-lm/engram/internal/kernel"

// Loss measures the outputs y [n, outputs] of a net.
type Loss[F kernel.Float] interface {
	// Gradient returns the loss, a mean, and writes its gradient to dy, unless that
	// is nil.
	Gradient(y, dy []F) float64
	// Curvature writes H r to hr, where H is the loss's second derivative at y.
	Curvature(y, r, hr []F)
}

// Set is what a net learns from or is measured on.
type Set[F kernel.Float] struct {
	X    []F // [n, inputs]
	Loss Loss[F]
}

// SquaredError is the mean of (y - Target)^2 over all outputs.
type SquaredError[F kernel.Float] struct{ Target []F }

func (l SquaredError[F]) Gradient(y, dy []F) float64 {
	var sum float64
	scale := 2 / F(len(y))
	for i, v := range y {
		d := v - l.Target[i]
		sum += float64(d) * float64(d)
		if dy != nil {
			dy[i] = scale * d
		}
	}
	return sum / float64(len(y))
}

func (l SquaredError[F]) Curvature(y, r, hr []F) {
	scale := 2 / F(len(y))
	for i, v := range r {
		hr[i] = scale * v
	}
}

// CrossEntropy is the mean of -ln softmax(y)[label] over the rows of y.
type CrossEntropy[F kernel.Float] struct{ Labels []int }

func (l CrossEntropy[F]) Gradient(y, dy []F) float64 {
	n := len(l.Labels)
	k := len(y) / n
	if dy == nil {
		dy = make([]F, len(y))
	}
	copy(dy, y)
	var sum float64
	for i, label := range l.Labels {
		sum += kernel.SoftmaxNLLGrad(dy[i*k:(i+1)*k], label, 1/F(n))
	}
	return sum / float64(n)
}

func (l CrossEntropy[F]) Curvature(y, r, hr []F) {
	n := len(l.Labels)
	k := len(y) / n
	p := make([]F, k)
	for i, label := range l.Labels {
		copy(p, y[i*k:(i+1)*k])
		kernel.SoftmaxNLL(p, label) // p is the softmax now
		row, to := r[i*k:(i+1)*k], hr[i*k:(i+1)*k]
		mean := kernel.Dot(p, row)
		for j := range to {
			to[j] = p[j] * (row[j] - mean) / F(n)
		}
	}
}

// Played is the mean over the rows of (y_arm - paid)^2: each row is a choice of
// which one arm was played.
type Played[F kernel.Float] struct {
	Arms []int
	Paid []F
}

func (l Played[F]) Gradient(y, dy []F) float64 {
	n := len(l.Arms)
	k := len(y) / n
	clear(dy)
	var sum float64
	for i, arm := range l.Arms {
		d := y[i*k+arm] - l.Paid[i]
		sum += float64(d) * float64(d)
		if dy != nil {
			dy[i*k+arm] = 2 * d / F(n)
		}
	}
	return sum / float64(n)
}

func (l Played[F]) Curvature(y, r, hr []F) {
	n := len(l.Arms)
	k := len(y) / n
	clear(hr)
	for i, arm := range l.Arms {
		hr[i*k+arm] = 2 * r[i*k+arm] / F(n)
	}
}
