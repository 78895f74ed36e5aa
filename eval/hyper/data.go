package hyper

import (
	"math"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// data is a problem of classification: points x [n, Inputs] from N(0, 1), of which
// a teacher looks at the first Relevant inputs alone, and labels drawn from the
// teacher's probabilities.
type data struct {
	x      []float32
	labels []int
}

func (d *data) set() *contrast.Set[float32] {
	return &contrast.Set[float32]{X: d.x, Loss: contrast.CrossEntropy[float32]{Labels: d.labels}}
}

// problem is what one seed has to learn.
type problem struct {
	train, held, test data
	origin            []float32 // where learning starts, the same each time
	net               *contrast.MLP[float32]
}

// draw makes the problem of a seed: the teacher is a net of tanh neurons.
func (s *settings) draw(seed uint64) *problem {
	r := rng.New(seed, "problem")
	teacher := &contrast.MLP[float64]{Sizes: []int{s.Relevant, s.Teacher, s.Classes}}
	nb, nr := teacher.Len()
	w := make([]float64, nb+nr)
	teacher.Init(func() float64 { return 3 * r.NormFloat64() }, w[:nb], w[nb:])
	p := &problem{net: s.net()}
	for _, part := range []struct {
		d *data
		n int
	}{{&p.train, s.Train}, {&p.held, s.HeldOut}, {&p.test, s.Test}} {
		*part.d = s.sample(r.Rand, teacher, w[:nb], w[nb:], part.n)
	}
	body, rest := p.net.Len()
	p.origin = make([]float32, body+rest)
	p.net.Init(rng.New(seed, "init").NormFloat64, p.origin[:body], p.origin[body:])
	return p
}

func (s *settings) net() *contrast.MLP[float32] {
	return &contrast.MLP[float32]{Sizes: []int{s.Inputs, s.Hidden, s.Classes}}
}

func (s *settings) sample(r *rand.Rand, teacher *contrast.MLP[float64], body, rest []float64, n int) data {
	d := data{make([]float32, n*s.Inputs), make([]int, n)}
	seen := make([]float64, s.Relevant)
	for i := range n {
		row := d.x[i*s.Inputs : (i+1)*s.Inputs]
		for j := range row {
			v := r.NormFloat64()
			row[j] = float32(v)
			if j < s.Relevant {
				seen[j] = v
			}
		}
		p := append([]float64{}, teacher.Forward(body, rest, seen)...)
		kernel.SoftmaxNLL(p, 0) // p is its softmax now
		d.labels[i] = pick(r, p)
	}
	return d
}

// pick draws a class by its probability.
func pick(r *rand.Rand, p []float64) int {
	u := r.Float64()
	for i, v := range p {
		if u -= v; u < 0 {
			return i
		}
	}
	return len(p) - 1
}

// accuracy is the share of rows of y whose largest output is the label's.
func accuracy(y []float32, labels []int) float64 {
	k := len(y) / len(labels)
	right := 0
	for i, label := range labels {
		best, at := float32(math.Inf(-1)), 0
		for j, v := range y[i*k : (i+1)*k] {
			if v > best {
				best, at = v, j
			}
		}
		if at == label {
			right++
		}
	}
	return float64(right) / float64(len(labels))
}
