package evolve

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/es"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/lstm/optim"
)

// learner is an agent that evolves; an update is a generation.
type learner struct {
	*population
	fleet   *fleet
	number  int // of the population in the fleet
	tests   int
	history history
}

func newLearner(f *fleet, s Settings, model string, tests int, seed uint64) (*learner, error) {
	p, err := newPopulation(s, model, seed)
	if err != nil {
		return nil, err
	}
	number, err := f.join(s, model, seed)
	if err != nil {
		return nil, err
	}
	return &learner{population: p, fleet: f, number: number, tests: tests, history: newHistory()}, nil
}

// Update takes a generation.
func (l *learner) Update() (study.Point, error) {
	if err := l.history.validate(l.genotype(), &l.settings, l.seed, l.strategy.Generation); err != nil {
		return study.Point{}, err
	}
	if err := l.fleet.evaluate(l.number, l.population); err != nil {
		return study.Point{}, err
	}
	return l.tell()
}

// tell ends the generation, whose worth is known.
func (l *learner) tell() (study.Point, error) {
	generation := l.strategy.Generation
	if err := l.strategy.Tell(l.worth); err != nil {
		return study.Point{}, &optim.NonFiniteError{Tensor: fmt.Sprintf("every member of generation %d", generation), What: "worth", Value: float32(math.NaN())}
	}
	mean, n := 0.0, 0.0
	for i, worth := range l.worth {
		l.history.Steps += l.steps[i]
		if worth-worth == 0 {
			mean += worth
			n++
		}
	}
	return study.Point{Value: mean / n, Loss: math.NaN(), Norm: math.NaN()}, nil
}

// Test measures the mean of the population on held-out mazes.
func (l *learner) Test(ctx context.Context, progress func(done int)) (*study.Outcome, error) {
	out, err := l.history.test(ctx, l.genotype(), &l.settings, l.tests, l.seed, progress)
	if err != nil {
		return nil, err
	}
	out.Extra = append(out.Extra, study.Measure{Name: "sigma", Value: l.strategy.Sigma})
	return out, nil
}

// Keep writes the mean of the population as a genotype folder.
func (l *learner) Keep(dir string) error { return l.genotype().Save(filepath.Join(dir, "genotype")) }

// The names of the strategy's vectors in a checkpoint, whose tensors are float32:
// each number is kept as the two halves of its bits.
var vectors = []struct {
	name string
	of   func(*es.State) *[]float64
}{
	{"mean", func(s *es.State) *[]float64 { return &s.Mean }},
	{"variance", func(s *es.State) *[]float64 { return &s.Variance }},
	{"path_sigma", func(s *es.State) *[]float64 { return &s.PathSigma }},
	{"path_cov", func(s *es.State) *[]float64 { return &s.PathCov }},
}

const (
	counters    = "strategy"
	historyBlob = "history"
)

// Snapshot returns all that the next generation depends on. Its streams are named
// by its number, so there is none to keep.
func (l *learner) Snapshot() (*checkpoint.Snapshot, error) {
	s := &checkpoint.Snapshot{Tensors: map[string]checkpoint.Tensor{}, Blobs: map[string][]byte{}}
	for _, v := range vectors {
		x := *v.of(&l.strategy.State)
		halves := make([]float32, 2*len(x))
		for i, value := range x {
			bits := math.Float64bits(value)
			halves[2*i], halves[2*i+1] = math.Float32frombits(uint32(bits>>32)), math.Float32frombits(uint32(bits))
		}
		s.Tensors[v.name] = checkpoint.Tensor{Shape: []int{len(x), 2}, Data: halves}
	}
	s.Blobs[counters] = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(l.strategy.Generation)), math.Float64bits(l.strategy.Sigma))
	var err error
	s.Blobs[historyBlob], err = json.Marshal(l.history)
	return s, err
}

// Restore takes over what Snapshot gave.
func (l *learner) Restore(s *checkpoint.Snapshot) error {
	var state es.State
	for _, v := range vectors {
		t := s.Tensors[v.name]
		x := make([]float64, len(t.Data)/2)
		for i := range x {
			x[i] = math.Float64frombits(uint64(math.Float32bits(t.Data[2*i]))<<32 | uint64(math.Float32bits(t.Data[2*i+1])))
		}
		*v.of(&state) = x
	}
	b := s.Blobs[counters]
	if len(b) != 16 {
		return fmt.Errorf("%s has %d bytes; want 16", counters, len(b))
	}
	state.Generation, state.Sigma = int(binary.LittleEndian.Uint64(b)), math.Float64frombits(binary.LittleEndian.Uint64(b[8:]))
	if err := json.Unmarshal(s.Blobs[historyBlob], &l.history); err != nil {
		return fmt.Errorf("%s: %w", historyBlob, err)
	}
	if err := l.strategy.Load(state); err != nil {
		return err
	}
	if l.fleet.restarts() {
		l.strategy.Restart()
		l.history.Restarts = append(l.history.Restarts, state.Generation)
	}
	return l.fleet.load(l.number, l.strategy.State)
}
