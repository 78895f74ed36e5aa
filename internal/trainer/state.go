package trainer

import (
	"encoding/json"
	"fmt"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/strictjson"
)

// statePrefix begins, within a checkpoint, the names of the carried state.
const statePrefix = "state."

// meta is what a checkpoint keeps beside tensors and streams.
type meta struct {
	Progress position           `json:"progress"`
	Schedule map[string]float64 `json:"schedule,omitempty"`
}

// Snapshot returns views of all that Restore needs.
func (t *Training) Snapshot() (*checkpoint.Snapshot, error) {
	t.Cursor = t.windows.Cursor()
	s, err := t.weights.Snapshot()
	if err != nil {
		return nil, err
	}
	for i, layer := range t.state {
		s.Tensors[fmt.Sprint(statePrefix, i)] = checkpoint.Tensor{Shape: []int{len(layer.Data)}, Data: layer.Data}
	}
	s.Meta, err = json.Marshal(meta{t.position, t.schedule.State()})
	return s, err
}

// Restore goes on from a snapshot.
func (t *Training) Restore(s *checkpoint.Snapshot) error {
	var m meta
	if err := strictjson.Decode("its progress", s.Meta, &m); err != nil {
		return err
	}
	if err := t.weights.Restore(s); err != nil {
		return err
	}
	for i, layer := range t.state {
		from := s.Tensors[fmt.Sprint(statePrefix, i)].Data
		if len(from) != len(layer.Data) {
			return fmt.Errorf("the carried state of layer %d has %d values; want %d", i, len(from), len(layer.Data))
		}
		copy(layer.Data, from)
	}
	if err := t.schedule.Load(m.Schedule); err != nil {
		return err
	}
	t.position = m.Progress
	if err := t.hasBest(); err != nil {
		return err
	}
	return t.windows.Seek(t.Cursor)
}
