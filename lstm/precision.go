package lstm

import "github.com/engram-lm/engram/internal/kernel"

// Precision says to what the inputs of matrix products are rounded; see
// Window.Round. Elements, sums and gradients are of the element type all the same.
type Precision = kernel.Precision

const (
	// F32 rounds nothing.
	F32 = kernel.F32
	// BF16 rounds to bfloat16: eight bits of mantissa instead of 24. Processors with
	// AVX512-BF16 then multiply twice as fast.
	BF16 = kernel.BF16
)
