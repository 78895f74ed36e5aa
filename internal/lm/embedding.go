package lm

import (
	"errors"
	"slices"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/internal/rng"
	G "gorgonia.org/gorgonia"
)

// embedding looks tokens up: tokens [T*B] (int), weight [V, E] -> [T, B, E]. In
// the graph it is a constant; see gradient.
type embedding[F Float] struct {
	op.Buffers[F]
	rows []int   // tokens of the last window, each once, in ascending order
	slot []int32 // [V]: 1 + a token's place in rows; 0 between calls
	sums []F     // [len(rows), E]
}

// lookUps is how many tokens a task looks up.
const lookUps = 64

func (*embedding[F]) String() string          { return "embedding" }
func (*embedding[F]) Differentiable(int) bool { return false }

func (e *embedding[F]) Forward(in []G.Value, out []F) error {
	tokens, weight := op.Ints(in[0]), op.Data[F](in[1])
	size := len(out) / len(tokens)
	kernel.Parallel((len(tokens)+lookUps-1)/lookUps, func(task int) {
		for r := task * lookUps; r < min(len(tokens), (task+1)*lookUps); r++ {
			copy(out[r*size:(r+1)*size], weight[tokens[r]*size:])
		}
	})
	return nil
}

func (*embedding[F]) Backward([]G.Value, []F, [][]F) error {
	return errors.New("lm: the embedding has no gradient within the graph")
}

// gradient returns that of the weight from g [T, B, E], the gradient of the
// vectors that the tokens of the last Forward were looked up as: the rows, in
// ascending order, that are not zero, and their values. The vectors of a token
// that stands more than once are added in the order of the window.
func (e *embedding[F]) gradient(tokens []int, g []F) (rows []int, sums []F) {
	size := len(g) / len(tokens)
	e.rows = e.rows[:0]
	for _, token := range tokens {
		if e.slot[token] == 0 {
			e.slot[token] = 1
			e.rows = append(e.rows, token)
		}
	}
	slices.Sort(e.rows)
	for i, token := range e.rows {
		e.slot[token] = int32(i + 1)
	}
	sums = kernel.Grow(&e.sums, len(g))[:len(e.rows)*size]
	clear(sums)
	for r, token := range tokens {
		i := int(e.slot[token]-1) * size
		kernel.Add(sums[i:i+size], g[r*size:])
	}
	for _, token := range e.rows {
		e.slot[token] = 0
	}
	return e.rows, sums
}

// dropout multiplies every step of a stream by that stream's mask: x [T, B, N],
// mask [B, N] -> [T, B, N]. One mask serves the whole window (variational
// dropout: Gal and Ghahramani, 2016, arXiv:1512.05287).
type dropout[F Float] struct{ op.Buffers[F] }

func (*dropout[F]) String() string            { return "dropout" }
func (*dropout[F]) Differentiable(i int) bool { return i == 0 }

func (*dropout[F]) Forward(in []G.Value, out []F) error {
	masked(out, op.Data[F](in[0]), op.Data[F](in[1]))
	return nil
}

func (*dropout[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	masked(gin[0], gout, op.Data[F](in[1]))
	return nil
}

// maskSteps is how many steps of a window a task masks.
const maskSteps = 8

// masked computes dst = x mask, step by step.
func masked[F Float](dst, x, mask []F) {
	n := len(mask)
	steps := len(x) / n
	kernel.Parallel((steps+maskSteps-1)/maskSteps, func(task int) {
		for t := task * maskSteps; t < min(steps, (task+1)*maskSteps); t++ {
			x, dst := x[t*n:(t+1)*n], dst[t*n:(t+1)*n]
			for i, m := range mask {
				dst[i] = x[i] * m
			}
		}
	})
}

// drawMask fills a mask: an element is kept with probability 1-p, and then
// scaled so that the expected value stays.
func drawMask[F Float](mask []F, p float64, r *rng.Stream) {
	for i := range mask {
		mask[i] = 0
		if r.Float64() >= p {
			mask[i] = F(1 / (1 - p))
		}
	}
}
