package kernel

import "github.com/engram-lm/engram/internal/pages"

// Grow makes *p hold n elements and returns them: those it has, or, if they are too
// few, new ones, zero, in the place of the old. Then it makes room for at least a
// quarter more than there was, for others may still hold the old ones, as each graph
// holds the tensors of its last run, and sizes that grow one by one must not make
// that many.
func Grow[T any](p *[]T, n int) []T { return grow(p, n, plain[T]) }

// GrowPages is Grow on huge pages, for matrices that are walked along their columns.
// Buffers that are read side by side, as a cell's are, had better not begin with a
// page each: training steps of the modulated model were slower so.
func GrowPages[F Float](p *[]F, n int) []F { return grow(p, n, pages.Make[F]) }

func plain[T any](n int) []T { return make([]T, n) }

func grow[T any](p *[]T, n int, fresh func(int) []T) []T {
	if cap(*p) < n {
		*p = fresh(max(n, cap(*p)*5/4))
	}
	*p = (*p)[:n]
	return *p
}
