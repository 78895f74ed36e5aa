package trainer

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/lstm/optim"
)

// Names within a checkpoint.
const (
	paramPrefix = "param."
	slotPrefix  = "optimizer."
	statePrefix = "state."
	masksBlob   = "dropout"
)

// meta is what a checkpoint keeps beside tensors and streams.
type meta struct {
	Progress position           `json:"progress"`
	Schedule map[string]float64 `json:"schedule,omitempty"`
	Counters map[string]int64   `json:"counters,omitempty"`
}

// Snapshot returns views of all that Restore needs.
func (t *Training) Snapshot() (*checkpoint.Snapshot, error) {
	t.Cursor = t.windows.Cursor()
	s := &checkpoint.Snapshot{Tensors: map[string]checkpoint.Tensor{}}
	for _, p := range t.model.Params {
		s.Tensors[paramPrefix+p.Name] = checkpoint.Tensor{Shape: p.Shape, Data: p.Value}
	}
	o := t.optimizer.State()
	for name, slot := range o.Slots {
		s.Tensors[slotPrefix+name] = checkpoint.Tensor{Shape: []int{len(slot)}, Data: slot}
	}
	for i, layer := range t.state {
		s.Tensors[fmt.Sprint(statePrefix, i)] = checkpoint.Tensor{Shape: []int{len(layer.Data)}, Data: layer.Data}
	}
	masks, err := t.masks.MarshalBinary()
	if err != nil {
		return nil, err
	}
	s.Blobs = map[string][]byte{masksBlob: masks}
	s.Meta, err = json.Marshal(meta{Progress: t.position, Schedule: t.schedule.State(), Counters: o.Counters})
	return s, err
}

// Restore goes on from a snapshot.
func (t *Training) Restore(s *checkpoint.Snapshot) error {
	var m meta
	if err := strictjson.Decode("its progress", s.Meta, &m); err != nil {
		return err
	}
	copyTo := func(name string, to []float32) error {
		from, ok := s.Tensors[name]
		if !ok || len(from.Data) != len(to) {
			return fmt.Errorf("tensor %s has %d elements, not %d", name, len(from.Data), len(to))
		}
		copy(to, from.Data)
		return nil
	}
	for _, p := range t.model.Params {
		if err := copyTo(paramPrefix+p.Name, p.Value); err != nil {
			return err
		}
	}
	for i, layer := range t.state {
		if err := copyTo(fmt.Sprint(statePrefix, i), layer.Data); err != nil {
			return err
		}
	}
	o := optim.State{Counters: m.Counters}
	for name, tensor := range s.Tensors {
		if slot, ok := strings.CutPrefix(name, slotPrefix); ok {
			if o.Slots == nil {
				o.Slots = map[string][]float32{}
			}
			o.Slots[slot] = tensor.Data
		}
	}
	if err := t.optimizer.Load(o); err != nil {
		return err
	}
	if err := t.schedule.Load(m.Schedule); err != nil {
		return err
	}
	if err := t.masks.UnmarshalBinary(s.Blobs[masksBlob]); err != nil {
		return fmt.Errorf("stream of dropout masks: %w", err)
	}
	t.position = m.Progress
	if err := t.hasBest(); err != nil {
		return err
	}
	return t.windows.Seek(t.Cursor)
}
