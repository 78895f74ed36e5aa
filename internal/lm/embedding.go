package lm

import (
	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/internal/rng"
	G "gorgonia.org/gorgonia"
)

// embedding looks tokens up: tokens [T*B] (int), weight [V, E] -> [T, B, E].
type embedding[F Float] struct{ op.Buffers[F] }

func (*embedding[F]) String() string            { return "embedding" }
func (*embedding[F]) Differentiable(i int) bool { return i == 1 }

func (*embedding[F]) Forward(in []G.Value, out []F) error {
	tokens, weight := in[0].Data().([]int), op.Data[F](in[1])
	size := len(out) / len(tokens)
	for r, token := range tokens {
		copy(out[r*size:(r+1)*size], weight[token*size:])
	}
	return nil
}

func (*embedding[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	tokens, dw := in[0].Data().([]int), gin[1]
	size := len(gout) / len(tokens)
	clear(dw)
	for r, token := range tokens {
		row := dw[token*size : (token+1)*size]
		for i, g := range gout[r*size : (r+1)*size] {
			row[i] += g
		}
	}
	return nil
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

func masked[F Float](dst, x, mask []F) {
	for len(dst) > 0 {
		for i, m := range mask {
			dst[i] = x[i] * m
		}
		dst, x = dst[len(mask):], x[len(mask):]
	}
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
