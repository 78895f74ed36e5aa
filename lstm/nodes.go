package lstm

import (
	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// What a composed rule needs of a graph and gorgonia v0.9.18 has not, or has wrong.

// Reshape is a copy of n in another shape of as many elements. gorgonia's own shares
// its memory with n, which operations in place then overwrite.
func Reshape(n *G.Node, shape ...int) (*G.Node, error) { return op.Part(n, 0, tensor.Shape(shape)) }

// Clamp is n within [-c, c], element by element; its gradient is zero outside.
func Clamp(n *G.Node, c float64) (*G.Node, error) { return op.Clamp(n, c) }
