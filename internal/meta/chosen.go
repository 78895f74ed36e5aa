package meta

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/stats"
)

// Validation says how slow parameters are chosen for the test: after every so many
// updates their running average learns tasks that are neither trained on nor tested
// on, and what does best there is kept.
type Validation struct {
	Draw    func(r *rand.Rand) Task
	Every   int  // updates between two looks; 0: what training ends with is tested
	Tasks   int  // of a look, the same ones each time
	Higher  bool // more is better
	Percent bool // written as a percentage
	// Average is over how many updates the running average reaches back, about.
	Average int
}

// chosen is what validation has come to. It is part of snapshots.
type chosen struct {
	Updates int     `json:"updates"`
	At      int     `json:"at"` // update of the best; 0: none yet
	Value   float64 `json:"value"`

	average, best []float32
}

// validate takes note of an update.
func (l *Learner) validate() {
	v, c := &l.Validation, &l.chosen
	if v.Every == 0 {
		return
	}
	if c.average == nil {
		c.average, c.best = make([]float32, len(l.Theta)), make([]float32, len(l.Theta))
	}
	c.Updates++
	kernel.AverageStep(c.average, l.Theta, 1/float32(min(c.Updates, max(v.Average, 1))))
	if c.Updates%v.Every != 0 {
		return
	}
	tasks := make([]Task, v.Tasks)
	r := rng.New(l.Seed, "validation")
	for i := range tasks {
		tasks[i] = v.Draw(r.Rand)
	}
	value := stats.Mean(l.learned(tasks, c.average))
	if c.At == 0 || v.Higher && value > c.Value || !v.Higher && value < c.Value {
		c.At, c.Value = c.Updates, value
		copy(c.best, c.average)
	}
}

// tested are the slow parameters that the test is about.
func (l *Learner) tested() []float32 {
	if l.chosen.At > 0 {
		return l.chosen.best
	}
	return l.Theta
}

// Names within a checkpoint.
const (
	chosenBlob    = "validation"
	averageTensor = "validation.average"
	bestTensor    = "validation.best"
)

// Snapshot is that of the weights, and what validation has come to.
func (l *Learner) Snapshot() (*checkpoint.Snapshot, error) {
	s, err := l.Weights.Snapshot()
	if err != nil || l.chosen.Updates == 0 {
		return s, err
	}
	shape := []int{len(l.Theta)}
	s.Tensors[averageTensor] = checkpoint.Tensor{Shape: shape, Data: l.chosen.average}
	s.Tensors[bestTensor] = checkpoint.Tensor{Shape: shape, Data: l.chosen.best}
	s.Blobs[chosenBlob], err = json.Marshal(&l.chosen)
	return s, err
}

// Restore takes over what Snapshot gave.
func (l *Learner) Restore(s *checkpoint.Snapshot) error {
	if err := l.Weights.Restore(s); err != nil {
		return err
	}
	l.chosen = chosen{}
	b, ok := s.Blobs[chosenBlob]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(b, &l.chosen); err != nil {
		return fmt.Errorf("%s: %w", chosenBlob, err)
	}
	for name, to := range map[string]*[]float32{averageTensor: &l.chosen.average, bestTensor: &l.chosen.best} {
		t := s.Tensors[name]
		if len(t.Data) != len(l.Theta) {
			return fmt.Errorf("%s has %d values; want %d", name, len(t.Data), len(l.Theta))
		}
		*to = append([]float32{}, t.Data...)
	}
	return nil
}
