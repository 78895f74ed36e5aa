package fewshot

import (
	"math/rand/v2"
	"slices"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/conv"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// drawings are labelled images [n, Pixels].
type drawings struct {
	images []float32
	labels []int
}

func (d *drawings) add(c omniglot.Class, drawing, label int) {
	image := make([]float32, omniglot.Pixels)
	c.Image(image, drawing)
	d.images = append(d.images, image...)
	d.labels = append(d.labels, label)
}

// episode is a task: drawings to learn from, and others of the same characters.
type episode struct{ support, query drawings }

// draw returns a new episode. Its classes are of as many characters, so that two
// turns of one, which may look alike, never meet.
func (s *settings) draw(r *rand.Rand, from []*omniglot.Character) *episode {
	var e episode
	var taken []int
	for label := range s.Ways {
		i := r.IntN(len(from))
		for slices.Contains(taken, i) {
			i = r.IntN(len(from))
		}
		taken = append(taken, i)
		class := omniglot.Class{Character: from[i], Quarters: r.IntN(4)}
		order := r.Perm(omniglot.Drawings)
		for _, d := range order[:s.Shots] {
			e.support.add(class, d, label)
		}
		for _, d := range order[s.Shots : s.Shots+s.Queries] {
			e.query.add(class, d, label)
		}
	}
	return &e
}

// network is four convolutions with batch normalisation and a linear map to the
// labels; its parameters lie in one vector, the convolutions' first and the head
// [Ways, features], [Ways] last. One goroutine uses it at a time.
type network struct {
	stack       *conv.Normed[float32]
	ways        int
	sizes       []int // of the convolutions' parameters
	views, dual [][]float32
}

func (s *settings) network() (*network, error) {
	l := conv.Layer{Out: s.Features, Kernel: 3, Stride: 2}
	stack, err := conv.NewNormed[float32](omniglot.Side, 1, l, l, l, l)
	if err != nil {
		return nil, err
	}
	n := &network{stack: stack, ways: s.Ways}
	for _, p := range stack.Params() {
		n.sizes = append(n.sizes, p.Size())
	}
	return n, nil
}

// Len is how many parameters there are.
func (n *network) Len() int {
	sum := n.ways * (n.stack.OutSize() + 1)
	for _, size := range n.sizes {
		sum += size
	}
	return sum
}

// init draws new parameters: the convolutions' as their stack says, the head 0.
func (n *network) init(r *rng.Stream, phi []float32) {
	clear(phi)
	views, _, _ := n.parts(nil, phi)
	for i, p := range n.stack.Params() {
		for j := range views[i] {
			views[i][j] = float32(r.Uniform(p.Lo, p.Hi))
		}
	}
}

// parts returns views of phi, the convolutions' in a slice that is used again.
func (n *network) parts(views [][]float32, phi []float32) (stack [][]float32, weight, bias []float32) {
	views = views[:0]
	for _, size := range n.sizes {
		views = append(views, phi[:size:size])
		phi = phi[size:]
	}
	at := n.ways * n.stack.OutSize()
	return views, phi[:at], phi[at:]
}

// forward returns the outputs [n, Ways] and the features [n, F].
func (n *network) forward(phi, images []float32) (y, features []float32) {
	count, f := len(images)/omniglot.Pixels, n.stack.OutSize()
	var weight, bias []float32
	n.views, weight, bias = n.parts(n.views, phi)
	features = n.stack.Forward(count, n.views, images)
	y = make([]float32, count*n.ways)
	for i := range count {
		copy(y[i*n.ways:], bias)
	}
	kernel.GemmSerial(false, true, count, n.ways, f, 1, features, f, weight, f, 1, y, n.ways)
	return y, features
}

// loss returns the mean cross-entropy on drawings and adds scale times its gradient
// to dphi, unless that is nil.
func (n *network) loss(phi []float32, d *drawings, scale float32, dphi []float32) float64 {
	y, features := n.forward(phi, d.images)
	entropy := contrast.CrossEntropy[float32]{Labels: d.labels}
	if dphi == nil {
		return entropy.Gradient(y, nil)
	}
	dy := make([]float32, len(y))
	loss := entropy.Gradient(y, dy)
	kernel.Scale(scale, dy)
	count, f := len(d.labels), n.stack.OutSize()
	_, weight, _ := n.parts(nil, phi)
	g := make([]float32, len(phi))
	var dweight, dbias []float32
	n.dual, dweight, dbias = n.parts(n.dual, g)
	kernel.GemmSerial(true, false, n.ways, f, count, 1, dy, n.ways, features, f, 0, dweight, f)
	for i := range count {
		kernel.Add(dbias, dy[i*n.ways:(i+1)*n.ways])
	}
	df := make([]float32, len(features))
	kernel.GemmSerial(false, false, count, f, n.ways, 1, dy, n.ways, weight, f, 0, df, f)
	n.stack.Backward(df, n.dual)
	kernel.Add(dphi, g)
	return loss
}

// losses are an episode as the complex synapse sees it.
type losses struct {
	*network
	*episode
}

func (l *losses) In(phi []float32, scale float32, dphi []float32) float64 {
	return l.loss(phi, &l.support, scale, dphi)
}

func (l *losses) Out(phi []float32, scale float32, dphi []float32) float64 {
	return l.loss(phi, &l.query, scale, dphi)
}

// accuracy is the share of the queries that are labelled right.
func (l *losses) accuracy(phi []float32) float64 {
	y, _ := l.forward(phi, l.query.images)
	right := 0
	for i, label := range l.query.labels {
		row := y[i*l.ways : (i+1)*l.ways]
		at := 0
		for j, v := range row {
			if v > row[at] {
				at = j
			}
		}
		if at == label {
			right++
		}
	}
	return float64(right) / float64(len(l.query.labels))
}
