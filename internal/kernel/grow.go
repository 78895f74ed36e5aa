package kernel

import "github.com/engram-lm/engram/internal/pages"

// Grow makes *p hold n elements and returns them: those it has, or, if they are too
// few, new ones, zero, in the place of the old. Then it makes room for at least a
// quarter more than there was, for others may still hold the old ones, as each graph
// holds the tensors of its last run, and sizes that grow one by one must not make
// that many.
func Grow[T any](p *[]T, n int) []T {
	if cap(*p) < n {
		*p = pages.Make[T](max(n, cap(*p)*5/4))
	}
	*p = (*p)[:n]
	return *p
}
