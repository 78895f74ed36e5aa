package evolve

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/a2c"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/optim"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

// pupil is a decomposed rule that is trained by the gradient of its lives. An update
// is as many lives as a generation has, each in a maze of its own, in batches of a step
// of the optimiser each. (Members that are held against each other want the same
// mazes; an average wants many.) The gradient of a life, the mean over its steps, is
// clipped before it joins the others': through plastic weights a single one may be of
// any size.
type pupil struct {
	*trained.Weights
	settings   Settings
	config     genotype.Config
	net        *evolved.Net // of width outputs
	seed       uint64
	tests      int
	generation int
	history    history

	values, grads [][]float32
	lessons       []*lesson[float32] // of each worker
	lives         []lived            // of a batch
}

// lived is what a life came to.
type lived struct {
	grads  [][]float32
	losses a2c.Losses
	scores Scores
	steps  int
	scale  float32 // that takes the gradient's norm to its bound
}

func newPupil(s Settings, tests int, seed uint64) (*pupil, error) {
	c := s.config("decomposed")
	net, err := evolved.New(inputs, s.Hidden, width, evolved.Options{
		Rule: evolved.Decomposed, Modulation: evolved.Modulation(c.Modulation), Birth: evolved.Birth(c.Birth),
	})
	if err != nil {
		return nil, err
	}
	p := &pupil{
		Weights: trained.NewWeights(s.LR, 0), settings: s, config: c, net: net, seed: seed, tests: tests, history: newHistory(),
		lessons: make([]*lesson[float32], kernel.Workers()), lives: make([]lived, min(s.Batch, s.Population*s.Mazes)),
	}
	init := rng.New(seed, "init")
	p.values, p.grads = p.Add("", net.Params(), init)
	for _, v := range p.values { // as the members of an evolution begin
		for i := range v {
			v[i] = float32(initial * init.NormFloat64())
		}
	}
	for i := range p.lives {
		p.lives[i].grads = like(p.grads)
	}
	return p, nil
}

// like returns zeros of the same sizes.
func like[F lstm.Float](params [][]F) [][]F {
	zeros := make([][]F, len(params))
	for i, p := range params {
		zeros[i] = make([]F, len(p))
	}
	return zeros
}

// Update takes the lives of a generation.
func (p *pupil) Update() (study.Point, error) {
	if err := p.history.validate(p.genotype(), &p.settings, p.seed, p.generation); err != nil {
		return study.Point{}, err
	}
	all, batches := p.settings.Population*p.settings.Mazes, 0.0
	mazes := p.settings.ofGeneration(p.generation, all, p.seed)
	var point study.Point
	for from := 0; from < all; from += len(p.lives) {
		fitness, loss, norm, err := p.learn(mazes[from:min(from+len(p.lives), all)], from)
		if err != nil {
			return study.Point{}, err
		}
		point.Value += fitness / float64(all)
		point.Loss += loss
		point.Norm += norm
		batches++
	}
	point.Loss /= batches
	point.Norm /= batches
	p.generation++
	return point, nil
}

// learn takes a batch, a life in each of the mazes, the first of which is number first
// of the generation, and a step of the optimiser; it returns the sum of their fitness,
// their mean loss and the norm.
func (p *pupil) learn(mazes []*Maze, first int) (fitness, loss, norm float64, err error) {
	lives := p.lives[:len(mazes)]
	genome, c := evolved.NewGenome(p.net, p.values), p.settings.loss()
	kernel.ParallelWorkers(len(lives), func(slot, i int) {
		if p.lessons[slot] == nil {
			p.lessons[slot] = newLesson[float32](p.net, p.settings.Window)
		}
		l := &lives[i]
		for _, g := range l.grads {
			clear(g)
		}
		w := &world{maze: mazes[i], draws: rng.New(p.seed, fmt.Sprintf("generation/%d/life/%d", p.generation, first+i))}
		l.scores = p.lessons[slot].live(genome, w)
		l.losses = p.lessons[slot].backward(c, p.values, l.grads)
		l.steps = w.steps
		squares := 0.0
		for _, g := range l.grads {
			squares += kernel.SumSquares(g)
		}
		l.scale = float32(optim.ClipScale(math.Sqrt(squares)/float64(l.steps), p.settings.ClipNorm))
	})
	steps := 0
	for _, g := range p.grads {
		clear(g)
	}
	for i := range lives { // in their order, however many cores there are
		l := &lives[i]
		fitness += l.scores.Fitness()
		loss += l.losses.Total(c)
		steps += l.steps
		for k, g := range p.grads {
			kernel.Axpy(l.scale, l.grads[k], g)
		}
	}
	for _, g := range p.grads {
		kernel.Scale(1/float32(steps), g)
	}
	p.history.Steps += float64(steps)
	norm, err = p.Step()
	return fitness, loss / float64(steps), norm, err
}

// genotype is the rule, without what the value is read by.
func (p *pupil) genotype() *genotype.Genotype {
	g := &genotype.Genotype{Config: p.config}
	for i, n := range p.config.Segments() {
		g.Tensors = append(g.Tensors, p.values[i][:n])
	}
	return g
}

// Keep writes the rule as a genotype folder.
func (p *pupil) Keep(dir string) error { return p.genotype().Save(filepath.Join(dir, "genotype")) }

// Test measures the rule on held-out mazes.
func (p *pupil) Test(ctx context.Context, progress func(done int)) (*study.Outcome, error) {
	return p.history.test(ctx, p.genotype(), &p.settings, p.tests, p.seed, progress)
}

// stage is what a checkpoint keeps beside the weights. The streams are named by
// generation, so there is none to keep.
type stage struct {
	Generation int     `json:"generation"`
	History    history `json:"history"`
}

// Snapshot returns all that the next generation depends on.
func (p *pupil) Snapshot() (*checkpoint.Snapshot, error) {
	s, err := p.Weights.Snapshot()
	if err != nil {
		return nil, err
	}
	s.Blobs[historyBlob], err = json.Marshal(stage{p.generation, p.history})
	return s, err
}

// Restore takes over what Snapshot gave.
func (p *pupil) Restore(s *checkpoint.Snapshot) error {
	var at stage
	if err := json.Unmarshal(s.Blobs[historyBlob], &at); err != nil {
		return fmt.Errorf("%s: %w", historyBlob, err)
	}
	p.generation, p.history = at.Generation, at.History
	return p.Weights.Restore(s)
}
