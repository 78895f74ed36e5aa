package lm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/op"
	G "gorgonia.org/gorgonia"
)

// head is the softmax over the vocabulary with cross-entropy: h [T, B, H],
// weight [V, H], bias [V], targets [T*B] (int) -> the mean negative
// log-likelihood in nats, one number. With gradients, the logits' memory holds
// the logits' gradients from the forward pass on; without, a few rows of logits
// at a time do.
type head[F Float] struct {
	op.Buffers[F]
	gradients bool
	logits    []F       // [T*B, V], or [scoreRows, V]
	nll       []float64 // [T*B]
	dbias     []F       // [tasks, V]: the bias's gradient over the rows of each task
}

// scoreRows is how many rows of logits are worked out at once when no gradient
// is wanted.
const scoreRows = 64

// taskRows is how many rows of the softmax a task takes; the sums over rows are
// made task by task, so that they do not depend on the number of cores.
const taskRows = 32

// columns is how many of the vocabulary's columns a task sums at once.
const columns = 512

func (*head[F]) String() string            { return "softmax-nll" }
func (*head[F]) Differentiable(i int) bool { return i < 3 }

func (h *head[F]) Forward(in []G.Value, out []F) error {
	x, weight, bias := op.Data[F](in[0]), op.Data[F](in[1]), op.Data[F](in[2])
	targets := op.Ints(in[3])
	rows, v := len(targets), len(bias)
	n := len(x) / rows
	if cap(h.nll) < rows {
		h.nll = make([]float64, rows)
	}
	h.nll = h.nll[:rows]
	chunk := rows
	if !h.gradients {
		chunk = min(rows, scoreRows)
	}
	all := op.Grow(&h.logits, chunk*v)
	if h.gradients {
		op.Grow(&h.dbias, tasks(rows)*v)
	}
	scale := 1 / F(rows)
	for r0 := 0; r0 < rows; r0 += chunk {
		r1 := min(rows, r0+chunk)
		logits := all[:(r1-r0)*v]
		kernel.Gemm(false, true, r1-r0, v, n, 1, x[r0*n:r1*n], n, weight, n, 0, logits, v)
		kernel.Parallel(tasks(r1-r0), func(task int) {
			var dbias []F
			if h.gradients {
				dbias = h.dbias[task*v : (task+1)*v]
				clear(dbias)
			}
			for r := task * taskRows; r < min(r1-r0, (task+1)*taskRows); r++ {
				row, target := logits[r*v:(r+1)*v], targets[r0+r]
				kernel.Add(row, bias)
				if !h.gradients {
					h.nll[r0+r] = kernel.SoftmaxNLL(row, target)
					continue
				}
				h.nll[r0+r] = kernel.SoftmaxNLLGrad(row, target, scale)
				kernel.Add(dbias, row)
			}
		})
	}
	sum := 0.0
	for _, nll := range h.nll {
		sum += nll
	}
	out[0] = F(sum / float64(rows))
	return nil
}

func tasks(rows int) int { return (rows + taskRows - 1) / taskRows }

func (h *head[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	if !h.gradients {
		return fmt.Errorf("lm: the head that only scores has no gradient")
	}
	x, weight := op.Data[F](in[0]), op.Data[F](in[1])
	rows, v := len(h.nll), len(gin[2])
	n := len(x) / rows
	dlogits := h.logits[:rows*v]
	if gout[0] != 1 {
		kernel.Scale(gout[0], dlogits)
		kernel.Scale(gout[0], h.dbias[:tasks(rows)*v])
	}
	kernel.Gemm(false, false, rows, n, v, 1, dlogits, v, weight, n, 0, gin[0], n)
	kernel.Gemm(true, false, v, n, rows, 1, dlogits, v, x, n, 0, gin[1], n)
	kernel.Parallel((v+columns-1)/columns, func(i int) {
		lo, hi := i*columns, min(v, (i+1)*columns)
		clear(gin[2][lo:hi])
		for task := range tasks(rows) {
			kernel.Add(gin[2][lo:hi], h.dbias[task*v+lo:task*v+hi])
		}
	})
	return nil
}

// lastLogits are the logits after a window's last step: h [T, B, H], weight
// [V, H], bias [V] -> [B, V].
type lastLogits[F Float] struct{ op.Buffers[F] }

func (*lastLogits[F]) String() string          { return "logits" }
func (*lastLogits[F]) Differentiable(int) bool { return false }

func (*lastLogits[F]) Forward(in []G.Value, out []F) error {
	x, weight, bias := op.Data[F](in[0]), op.Data[F](in[1]), op.Data[F](in[2])
	n := in[0].Shape()[2]
	rows := len(out) / len(bias)
	kernel.Gemm(false, true, rows, len(bias), n, 1, x[len(x)-rows*n:], n, weight, n, 0, out, len(bias))
	for r := range rows {
		kernel.Add(out[r*len(bias):(r+1)*len(bias)], bias)
	}
	return nil
}

func (*lastLogits[F]) Backward([]G.Value, []F, [][]F) error {
	return fmt.Errorf("lm: logits are for sampling and have no gradient")
}
