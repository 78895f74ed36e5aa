package evolve

import (
	"fmt"
	"math"

	"github.com/engram-lm/engram/internal/es"
	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
)

// population are the members of a generation at work: what every process of a run
// holds, and all that it needs to know what the others draw.
type population struct {
	settings Settings
	config   genotype.Config
	seed     uint64
	strategy *es.Strategy
	workers  []worker

	worth, steps []float64 // of each member: of this generation, 0 of those that another process has
}

// worker is what one member after the other is evaluated with.
type worker struct {
	agent  genotype.Life
	z      []float64
	params []float32
}

// initial is the standard deviation of new numbers.
const initial = 0.05

// penalty is the weight of the root mean square of the numbers in a member's worth.
const penalty = 1e-6

func newPopulation(s Settings, model string, seed uint64) (*population, error) {
	p := &population{settings: s, config: s.config(model), seed: seed}
	start := make([]float64, p.config.ParamCount())
	init := rng.New(seed, "init")
	for i := range start {
		start[i] = initial * init.NormFloat64()
	}
	var err error
	if p.strategy, err = es.New(seed, start, s.strategy(p.config)); err != nil {
		return nil, err
	}
	p.workers = make([]worker, kernel.Workers())
	p.worth, p.steps = make([]float64, s.Population), make([]float64, s.Population)
	return p, nil
}

// mazes are those of the generation under way, which all members run.
func (p *population) mazes() []*Maze {
	return p.settings.ofGeneration(p.strategy.Generation, p.settings.Mazes, p.seed)
}

// ofGeneration returns the first n mazes of a generation.
func (s *Settings) ofGeneration(generation, n int, seed uint64) []*Maze {
	return s.mazes().heldOut(n, seed, fmt.Sprintf("generation/%d", generation))
}

// evaluate lets the members first, first + every, ... run the mazes, and sets what
// they are worth.
func (p *population) evaluate(first, every int) {
	mazes := p.mazes()
	clear(p.worth)
	clear(p.steps)
	kernel.ParallelWorkers((len(p.worth)-first+every-1)/every, func(slot, i int) {
		member := first + i*every
		p.worth[member], p.steps[member] = p.member(&p.workers[slot], member, mazes)
	})
}

// member returns what a member of the generation is worth, and the steps that it
// took.
func (p *population) member(w *worker, member int, mazes []*Maze) (worth, steps float64) {
	if w.agent == nil {
		w.agent = p.config.NewLife()
		w.z, w.params = make([]float64, len(p.strategy.Mean)), make([]float32, len(p.strategy.Mean))
	}
	p.strategy.Ask(member, w.z)
	squares := 0.0
	for i, v := range w.z {
		w.params[i] = float32(v)
		squares += v * v
	}
	genome := p.config.NewGenome(p.config.Split(w.params))
	for i, maze := range mazes {
		life := world{maze: maze, draws: rng.New(p.seed, fmt.Sprintf("generation/%d/life/%d/%d", p.strategy.Generation, member, i))}
		w.agent.Begin(genome, life.draws)
		scores, _ := life.live(w.agent, Intact)
		worth += scores.Fitness() / float64(len(mazes))
		steps += float64(life.steps)
	}
	return worth - penalty*math.Sqrt(squares/float64(len(w.z))), steps
}

// genotype is the mean of the population.
func (p *population) genotype() *genotype.Genotype {
	params := make([]float32, len(p.strategy.Mean))
	for i, v := range p.strategy.Mean {
		params[i] = float32(v)
	}
	return &genotype.Genotype{Config: p.config, Tensors: p.config.Split(params)}
}
