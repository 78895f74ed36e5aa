// Package trained holds what learners by gradient descent consist of: Weights with the
// optimiser that moves them and the random streams that go with them, in and out of
// checkpoints, and a recurrent Network at work on whole episodes.
package trained

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/optim"
)

// Weights are parameters with their gradients, the steps that they take, and named
// streams of randomness. Their Snapshot and Restore are a learner's unless it carries
// more from one step to the next.
type Weights struct {
	Params  []optim.Param
	Stepper optim.Stepper
	LR      float64
	Streams map[string]*rng.Stream
	Steps   int // taken

	halvings int // of LR
}

// NewWeights returns weights without parameters that Adam moves. The clip bounds the
// gradient's global norm; 0 does not.
func NewWeights(lr, clip float64) *Weights {
	return &Weights{Stepper: optim.Stepper{Optimizer: optim.NewAdam(0), MaxNorm: clip}, LR: lr, Streams: map[string]*rng.Stream{}}
}

// Use has another optimiser take the steps, from the first on.
func (w *Weights) Use(o optim.Optimizer) { w.Stepper.Optimizer = o }

// Average has the optimiser keep averages from the next step on, if it is one that
// does.
func (w *Weights) Average() {
	if a, ok := w.Stepper.Optimizer.(optim.Averager); ok {
		a.Trigger()
	}
}

// Averaged calls f with the averages in the place of the parameters, where there are
// some.
func (w *Weights) Averaged(f func() error) (err error) {
	if a, ok := w.Stepper.Optimizer.(optim.Averager); ok {
		if err := a.Swap(w.Params); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.Swap(w.Params)) }()
	}
	return f()
}

// Add draws new parameters, uniform between their bounds, and returns their values
// and gradients in the order of specs, as an lstm.Scan takes them. The names are
// prefix and the spec's: "layer." gives "layer.weight_hh".
func (w *Weights) Add(prefix string, specs []lstm.Param, r *rng.Stream) (values, grads [][]float32) {
	for _, spec := range specs {
		p := optim.Param{
			Name: prefix + spec.Name, Shape: spec.Shape, Min: spec.Min, Max: spec.Max,
			Value: make([]float32, spec.Size()), Grad: make([]float32, spec.Size()),
		}
		for i := range p.Value {
			p.Value[i] = float32(r.Uniform(spec.Lo, spec.Hi))
		}
		w.Params = append(w.Params, p)
		values, grads = append(values, p.Value), append(grads, p.Grad)
	}
	return values, grads
}

// Param returns the parameter of a name; nil if there is none.
func (w *Weights) Param(name string) *optim.Param {
	for i := range w.Params {
		if w.Params[i].Name == name {
			return &w.Params[i]
		}
	}
	return nil
}

// Stream returns the stream of randomness of a name, which is part of the
// snapshots from now on.
func (w *Weights) Stream(seed uint64, name string) *rng.Stream {
	s := rng.New(seed, name)
	w.Streams[name] = s
	return s
}

// Count is the number of trained numbers.
func (w *Weights) Count() int {
	n := 0
	for _, p := range w.Params {
		n += len(p.Value)
	}
	return n
}

// Slow sets the learning rate to so many halves of LR.
func (w *Weights) Slow(halvings int) { w.halvings = halvings }

// Rate is the learning rate of the next step.
func (w *Weights) Rate() float64 { return math.Ldexp(w.LR, -w.halvings) }

// Step takes a step by the gradients as they are, and returns their global norm before
// the clip.
func (w *Weights) Step() (norm float64, err error) {
	if norm, err = w.Stepper.Step(w.Params, w.Rate()); err == nil {
		w.Steps++
	}
	return norm, err
}

// Names within a checkpoint.
const (
	paramPrefix   = "param."
	slotPrefix    = "optimizer."
	counterPrefix = "counter."
	streamPrefix  = "stream."
	stepsCounter  = "steps" // of the weights; those of an optimiser have its name before theirs
)

// Snapshot returns views of the parameters and of the optimiser's state, and the
// positions of the streams.
func (w *Weights) Snapshot() (*checkpoint.Snapshot, error) {
	s := &checkpoint.Snapshot{Tensors: map[string]checkpoint.Tensor{}, Blobs: map[string][]byte{}}
	for _, p := range w.Params {
		s.Tensors[paramPrefix+p.Name] = checkpoint.Tensor{Shape: p.Shape, Data: p.Value}
	}
	o := w.Stepper.Optimizer.State()
	for name, slot := range o.Slots {
		s.Tensors[slotPrefix+name] = checkpoint.Tensor{Shape: []int{len(slot)}, Data: slot}
	}
	s.Blobs[counterPrefix+stepsCounter] = fmt.Append(nil, w.Steps)
	for name, n := range o.Counters {
		s.Blobs[counterPrefix+name] = fmt.Append(nil, n)
	}
	for name, stream := range w.Streams {
		position, err := stream.MarshalBinary()
		if err != nil {
			return nil, err
		}
		s.Blobs[streamPrefix+name] = position
	}
	return s, nil
}

// Restore takes over what Snapshot gave.
func (w *Weights) Restore(s *checkpoint.Snapshot) error {
	for _, p := range w.Params {
		from, ok := s.Tensors[paramPrefix+p.Name]
		if !ok || len(from.Data) != len(p.Value) {
			return fmt.Errorf("parameter %s has %d values; want %d", p.Name, len(from.Data), len(p.Value))
		}
		copy(p.Value, from.Data)
	}
	o := optim.State{Slots: map[string][]float32{}, Counters: map[string]int64{}}
	for name, t := range s.Tensors {
		if slot, ok := strings.CutPrefix(name, slotPrefix); ok {
			o.Slots[slot] = t.Data
		}
	}
	for name, b := range s.Blobs {
		if counter, ok := strings.CutPrefix(name, counterPrefix); ok {
			var n int64
			if _, err := fmt.Sscan(string(b), &n); err != nil {
				return fmt.Errorf("counter %s is %q; want a number", counter, b)
			}
			o.Counters[counter] = n
		}
	}
	w.Steps = int(o.Counters[stepsCounter])
	delete(o.Counters, stepsCounter)
	if err := w.Stepper.Optimizer.Load(o); err != nil {
		return err
	}
	for name, stream := range w.Streams {
		if err := stream.UnmarshalBinary(s.Blobs[streamPrefix+name]); err != nil {
			return fmt.Errorf("stream %s: %w", name, err)
		}
	}
	return nil
}
