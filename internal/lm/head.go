package lm

import (
	"fmt"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/internal/readout"
	G "gorgonia.org/gorgonia"
)

// head is the softmax over the vocabulary with cross-entropy, for training:
// h [T, B, H], weight [V, H], bias [V], targets [T*B] (int) -> the mean negative
// log-likelihood in nats, one number. The logits' memory holds the logits'
// gradients from the forward pass on.
type head[F Float] struct {
	op.Buffers[F]
	recall[F]
	alone  float64          // weight of the vocabulary's own likelihood: see Model.TrainAlone
	in     kernel.Precision // of the inputs of matrix products
	logits []F              // [T*B, V]
	nll    []float64        // [T*B]
	hidden []F              // [T*B, H]: what it was given, as a view
	dbias  []F              // [tasks, V]: the bias's gradient over the rows of each task
}

// recall is the part of a plastic readout's memory in an operation of the head; nil
// without one. It reads the words [T*B] (int) that the window has read, its carried
// state, the last layer's h [T, B, H] and its parameters.
type recall[F Float] struct{ memory *readout.Window[F] }

func (c recall[F]) read(in []G.Value) {
	if c.memory == nil {
		return
	}
	params := make([][]F, len(in)-3)
	for i := range params {
		params[i] = op.Data[F](in[3+i])
	}
	steps, batch := in[2].Shape()[0], in[2].Shape()[1]
	c.memory.Read(steps, batch, params, op.Data[F](in[1]), op.Data[F](in[2]), op.Ints(in[0]))
}

// mix returns the NLL of row r's target where the vocabulary alone gives nll, and
// the vocabulary's share in it.
func (c recall[F]) mix(r, target int, nll float64) (mixed, share float64) {
	if c.memory == nil {
		return nll, 1
	}
	return c.memory.Mix(r, target, nll)
}

// taskRows is how many rows of the softmax a task takes; the sums over rows are
// made task by task, so that they do not depend on the number of cores.
const taskRows = 32

// columns is how many of the vocabulary's columns a task takes at once.
const columns = 512

func (*head[F]) String() string            { return "softmax-nll" }
func (*head[F]) Differentiable(i int) bool { return i < 3 || i >= 6 }

func (h *head[F]) Forward(in []G.Value, out []F) error {
	x, weight, bias := op.Data[F](in[0]), op.Data[F](in[1]), op.Data[F](in[2])
	targets := op.Ints(in[3])
	rows, v := len(targets), len(bias)
	n := len(x) / rows
	h.nll, h.hidden = likelihoods(h.nll, rows), x
	logits, sums := kernel.Grow(&h.logits, rows*v), kernel.Grow(&h.dbias, tasks(rows)*v)
	scale := 1 / F(rows)
	kernel.GemmIn(h.in, false, true, rows, v, n, 1, x, n, weight, n, 0, logits, v)
	h.read(in[4:])
	kernel.Parallel(tasks(rows), func(task int) {
		dbias := sums[task*v : (task+1)*v]
		clear(dbias)
		for r := task * taskRows; r < min(rows, (task+1)*taskRows); r++ {
			kernel.BiasedNLLGrad(logits[r*v:(r+1)*v], bias, targets[r], func(nll float64) F {
				mixed, share := h.mix(r, targets[r], nll)
				h.nll[r] = mixed
				return scale * F(share+h.alone)
			}, dbias)
		}
	})
	out[0] = mean[F](h.nll)
	return nil
}

func tasks(rows int) int { return (rows + taskRows - 1) / taskRows }

// likelihoods returns x with room for rows of them.
func likelihoods(x []float64, rows int) []float64 {
	if cap(x) < rows {
		return make([]float64, rows)
	}
	return x[:rows]
}

func mean[F Float](x []float64) F {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return F(sum / float64(len(x)))
}

func (h *head[F]) Backward(in []G.Value, gout []F, gin [][]F) error {
	x, weight := op.Data[F](in[0]), op.Data[F](in[1])
	rows, v := len(h.nll), len(gin[2])
	n := len(x) / rows
	dlogits := h.logits[:rows*v]
	if gout[0] != 1 {
		kernel.Scale(gout[0], dlogits)
		kernel.Scale(gout[0], h.dbias[:tasks(rows)*v])
	}
	kernel.GemmIn(h.in, false, false, rows, n, v, 1, dlogits, v, weight, n, 0, gin[0], n)
	kernel.GemmIn(h.in, true, false, v, n, rows, 1, dlogits, v, x, n, 0, gin[1], n)
	kernel.Parallel((v+columns-1)/columns, func(i int) {
		lo, hi := i*columns, min(v, (i+1)*columns)
		clear(gin[2][lo:hi])
		kernel.AddRows(gin[2][lo:hi], h.dbias[lo:tasks(rows)*v], v)
	})
	if h.memory != nil {
		h.memory.Backward(float64(gout[0])/float64(rows), gin[6], gin[7:])
	}
	return nil
}

// scores is head for scoring: it has no gradient, and a few rows of logits at a
// time are enough.
type scores[F Float] struct {
	op.Buffers[F]
	recall[F]
	decoder *decoder[F]
	logits  []F       // [scoreRows, V]
	nll     []float64 // [T*B]
	hidden  []F       // [T*B, H]: what it was given, as a view
}

// scoreRows is how many rows of logits are worked out at once when no gradient
// is wanted; softmaxRows of them are a task.
const (
	scoreRows   = 70 // five of the kernels' strips
	softmaxRows = 4
)

func (*scores[F]) String() string          { return "nll" }
func (*scores[F]) Differentiable(int) bool { return false }

func (s *scores[F]) Forward(in []G.Value, out []F) error {
	s.read(in[4:])
	s.score(op.Data[F](in[0]), op.Data[F](in[1]), op.Data[F](in[2]), op.Ints(in[3]))
	out[0] = mean[F](s.nll)
	return nil
}

// score sets nll, from x [T*B, n], weight [V, n], bias [V] and targets [T*B].
func (s *scores[F]) score(x, weight, bias []F, targets []int) {
	rows, v := len(targets), len(bias)
	n := len(x) / rows
	s.nll, s.hidden = likelihoods(s.nll, rows), x
	logits := kernel.Grow(&s.logits, min(rows, scoreRows)*v)
	s.decoder.pack(weight, n)
	for r0 := 0; r0 < rows; r0 += scoreRows {
		part := min(rows-r0, scoreRows)
		s.decoder.logits(part, n, x[r0*n:], v, nil, logits)
		kernel.Parallel((part+softmaxRows-1)/softmaxRows, func(task int) {
			for r := task * softmaxRows; r < min(part, (task+1)*softmaxRows); r++ {
				nll := kernel.BiasedNLL(logits[r*v:(r+1)*v], bias, targets[r0+r])
				s.nll[r0+r], _ = s.mix(r0+r, targets[r0+r], nll)
			}
		})
	}
}

func (*scores[F]) Backward([]G.Value, []F, [][]F) error {
	return fmt.Errorf("lm: the head that only scores has no gradient")
}

// lastLogits are the logits after a window's last step: h [T, B, H], weight
// [V, H], bias [V] -> [B, V].
type lastLogits[F Float] struct {
	op.Buffers[F]
	recall[F]
	decoder *decoder[F]
}

func (*lastLogits[F]) String() string          { return "logits" }
func (*lastLogits[F]) Differentiable(int) bool { return false }

func (l *lastLogits[F]) Forward(in []G.Value, out []F) error {
	x, weight, bias := op.Data[F](in[0]), op.Data[F](in[1]), op.Data[F](in[2])
	n := in[0].Shape()[2]
	rows := len(out) / len(bias)
	l.decoder.pack(weight, n)
	l.decoder.logits(rows, n, x[len(x)-rows*n:], len(bias), bias, out)
	if l.read(in[3:]); l.memory != nil {
		for b := range rows {
			l.memory.Distribution(len(x)/n-rows+b, out[b*len(bias):(b+1)*len(bias)])
		}
	}
	return nil
}

func (*lastLogits[F]) Backward([]G.Value, []F, [][]F) error {
	return fmt.Errorf("lm: logits are for sampling and have no gradient")
}
