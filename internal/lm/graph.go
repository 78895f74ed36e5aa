package lm

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/op"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// purpose is what a graph is for.
type purpose int

const (
	training purpose = iota // loss and gradients
	scoring                 // loss
	picking                 // logits after the last step
	reading                 // outputs of the last layer
)

// shape identifies a graph.
type shape struct {
	purpose      purpose
	steps, batch int
	dropout      bool
}

// graph is the model over one window.
type graph[F Float] struct {
	vm              G.VM
	tokens, targets []int // backing of the input nodes
	states          []*G.Node
	bound           []*lstm.State[F] // whose memory the state nodes read
	masks           [][]F            // after the embedding and after each layer; nil without dropout
	result          *G.Node          // mean NLL, logits, or outputs
	vectors         *G.Node          // gradient of the embedded tokens [T, B, E]
	grads           G.Nodes          // of the last of Model.Params: all but an untied embedding
}

// Train runs one training window and sets the parameters' gradients: x, y
// [T, B] are tokens and targets, state is read and replaced by the final one.
// A dropout p above 0 draws one mask a stream for each non-recurrent connection.
// It returns the mean NLL in nats.
func (m *Model[F]) Train(x, y []int32, state State[F], p float64, masks *rng.Stream) (float64, error) {
	g, err := m.window(training, x, state, p > 0)
	if err != nil {
		return 0, err
	}
	for _, mask := range g.masks {
		drawMask(mask, p, masks)
	}
	if err := g.run(m, x, y, state); err != nil {
		return 0, err
	}
	g.readGradients(m)
	m.hidden = m.trained.hidden
	return float64(op.Data[F](g.result.Value())[0]), nil
}

// TrainAlone adds weight times the NLL of the vocabulary's softmax alone, without the
// plastic readout's memory, to the loss that Train goes down; what Train returns
// stays the NLL of the mixture. Without it the memory, which knows the frequent words
// from the first window on, takes over before the layers have learned anything.
func (m *Model[F]) TrainAlone(weight float64) {
	if m.memory != nil {
		m.trained.alone = weight
	}
}

// Score runs one window without gradients; it returns the NLL of each target in
// nats [T, B], which the next call overwrites.
func (m *Model[F]) Score(x, y []int32, state State[F]) ([]float64, error) {
	g, err := m.window(scoring, x, state, false)
	if err != nil {
		return nil, err
	}
	if err := g.run(m, x, y, state); err != nil {
		return nil, err
	}
	m.hidden = m.scored.hidden
	return m.scored.nll, nil
}

// Losses returns the NLL in nats of each target of the last Train [T, B], which the
// next one overwrites: the bits of Score.
func (m *Model[F]) Losses() []float64 { return m.trained.nll }

// Hidden returns the outputs of the top layer in the last Train or Score [T, B, H],
// which the decoder read; the next window overwrites them.
func (m *Model[F]) Hidden() []F { return m.hidden }

// Logits runs one window and returns the logits of what comes next in each
// stream [B, V], which the next call overwrites.
func (m *Model[F]) Logits(x []int32, state State[F]) ([]F, error) {
	g, err := m.window(picking, x, state, false)
	if err != nil {
		return nil, err
	}
	if err := g.run(m, x, nil, state); err != nil {
		return nil, err
	}
	return op.Data[F](g.result.Value()), nil
}

// maxGraphs bounds how many window shapes are kept; random window lengths stay
// far below it.
const maxGraphs = 256

func (m *Model[F]) window(p purpose, x []int32, state State[F], dropout bool) (*graph[F], error) {
	if len(state) != m.parts() || len(x) == 0 || len(x)%state[0].Batch != 0 {
		return nil, fmt.Errorf("lm: a window of %d tokens does not fit the state", len(x))
	}
	for _, token := range x {
		if token < 0 || int(token) >= m.Config.VocabSize {
			return nil, fmt.Errorf("lm: token %d is outside the vocabulary of %d", token, m.Config.VocabSize)
		}
	}
	key := shape{p, len(x) / state[0].Batch, state[0].Batch, dropout}
	if g, ok := m.graphs[key]; ok {
		return g, nil
	}
	if len(m.graphs) >= maxGraphs {
		clear(m.graphs)
	}
	g, err := m.build(key, state)
	if err != nil {
		return nil, fmt.Errorf("lm: building the graph of %d steps, %d streams: %w", key.steps, key.batch, err)
	}
	m.graphs[key] = g
	return g, nil
}

func (m *Model[F]) build(s shape, state State[F]) (*graph[F], error) {
	graph := &graph[F]{tokens: make([]int, s.steps*s.batch), targets: make([]int, s.steps*s.batch), bound: slices.Clone(state)}
	g := G.NewGraph()
	dt := tensor.Float32
	if _, ok := any(F(0)).(float64); ok {
		dt = tensor.Float64
	}
	input := func(name string, dt tensor.Dtype, backing any, shape ...int) *G.Node {
		v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
		return G.NewTensor(g, dt, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(v))
	}
	var params G.Nodes
	for _, p := range m.Params {
		params = append(params, input(p.Name, dt, p.Value, p.Shape...))
	}
	rest := params
	next := func(n int) []*G.Node {
		v := rest[:n]
		rest = rest[n:]
		return v
	}
	drop := func(i int, x *G.Node) (*G.Node, error) {
		if !s.dropout {
			return x, nil
		}
		n := x.Shape()[2]
		mask := make([]F, s.batch*n)
		graph.masks = append(graph.masks, mask)
		return op.Apply[F](m.drops[i], x.Shape(), x, input(fmt.Sprintf("mask.%d", i), dt, mask, s.batch, n))
	}

	tokens := input("tokens", tensor.Int, graph.tokens, len(graph.tokens))
	vectors, err := op.Apply[F](m.embed, tensor.Shape{s.steps, s.batch, m.Config.EmbeddingSize}, tokens, next(1)[0])
	if err != nil {
		return nil, err
	}
	x, err := drop(0, vectors)
	if err != nil {
		return nil, err
	}
	carried := func(i int) *G.Node {
		node := input(fmt.Sprintf("state.%d", i), dt, state[i].Data, len(state[i].Data))
		graph.states = append(graph.states, node)
		return node
	}
	var hidden *G.Node // of the last layer, without dropout
	for i, l := range m.layers {
		out, err := m.windows[i].Apply(x, carried(i), next(len(l.Params())))
		if err != nil {
			return nil, err
		}
		hidden = out.Hidden
		if x, err = drop(i+1, out.Hidden); err != nil {
			return nil, err
		}
	}
	var memory []*G.Node // what the operations of the head read beyond h, decoder and targets
	if m.memory != nil {
		memory = append([]*G.Node{tokens, carried(len(m.layers)), hidden}, next(len(memoryOf(m.Config).Params()))...)
	}
	decoder := params[0]
	if !m.Config.TieWeights {
		decoder = next(1)[0]
	}
	bias := next(1)[0]
	switch {
	case s.purpose == reading:
		graph.result = x
	case s.purpose == picking:
		graph.result, err = op.Apply[F](m.picked, tensor.Shape{s.batch, m.Config.VocabSize}, append([]*G.Node{x, decoder, bias}, memory...)...)
	default:
		var h op.Function[F] = m.scored
		if s.purpose == training {
			h = m.trained
		}
		targets := input("targets", tensor.Int, graph.targets, len(graph.targets))
		graph.result, err = op.Apply(h, tensor.ScalarShape(), append([]*G.Node{x, decoder, bias, targets}, memory...)...)
	}
	if err != nil {
		return nil, err
	}
	if s.purpose == training {
		if err := graph.differentiate(vectors, params, m.Config.TieWeights); err != nil {
			return nil, err
		}
	}
	if op.Collision(g) {
		return m.build(s, state)
	}
	graph.vm = G.NewTapeMachine(g)
	return graph, nil
}

// differentiate adds the gradients. The embedding's own is no part of the graph:
// all but the rows of the window's tokens would be zeros.
func (g *graph[F]) differentiate(vectors *G.Node, params G.Nodes, tied bool) error {
	if !tied {
		params = params[1:]
	}
	one := g.result.Graph().AddNode(G.NewConstant(F(1)))
	grads, err := G.Backpropagate(G.Nodes{g.result}, G.Nodes{one}, append(G.Nodes{vectors}, params...))
	if err != nil {
		return err
	}
	g.vectors, g.grads = grads[0], grads[1:]
	return nil
}

// readGradients points the parameters to the gradients of the last run.
func (g *graph[F]) readGradients(m *Model[F]) {
	rows, sums := m.embed.gradient(g.tokens, op.Data[F](g.vectors.Value()))
	dense := m.Params[len(m.Params)-len(g.grads):]
	for i, p := range dense {
		p.Grad = op.Data[F](g.grads[i].Value())
	}
	if !m.Config.TieWeights {
		m.Params[0].Rows, m.Params[0].Grad = rows, sums
		return
	}
	size := m.Config.EmbeddingSize
	for i, row := range rows {
		kernel.Add(m.Params[0].Grad[row*size:(row+1)*size], sums[i*size:])
	}
}

// run runs the graph on tokens x, targets y and the state, which it replaces.
func (g *graph[F]) run(m *Model[F], x, y []int32, state State[F]) error {
	for i, token := range x {
		g.tokens[i] = int(token)
	}
	for i, token := range y {
		if token < 0 || int(token) >= m.Config.VocabSize {
			return fmt.Errorf("lm: target %d is outside the vocabulary of %d", token, m.Config.VocabSize)
		}
		g.targets[i] = int(token)
	}
	for i, s := range state {
		if g.bound[i] == s {
			continue
		}
		v := tensor.New(tensor.WithShape(len(s.Data)), tensor.WithBacking(s.Data))
		if err := G.Let(g.states[i], v); err != nil {
			return err
		}
		g.bound[i] = s
	}
	g.vm.Reset()
	if err := g.vm.RunAll(); err != nil {
		return err
	}
	for i, w := range m.windows {
		w.FinalState(state[i].Data)
	}
	if m.memory != nil {
		m.memory.FinalState()
	}
	return nil
}

// Perplexity is e to the mean NLL in nats.
func Perplexity(nll float64) float64 { return math.Exp(nll) }
