package trainer

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/modeldir"
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

// The models in a training's folder.
const (
	best = "best"
	last = "last"
)

// saveModel writes a model folder.
func (t *Training) saveModel(name string) error {
	return modeldir.Save(filepath.Join(t.Dir, name), &modeldir.Model{
		Config: t.Model, Tensors: t.model.Tensors(), TokenizerJSON: t.Tokenizer,
	})
}

// hasBest refuses to go on where the best model so far is not to be had: a
// checkpoint does not hold it, and the training would find that out at its end.
func (t *Training) hasBest() error {
	if t.BestNLL == math.MaxFloat64 {
		return nil
	}
	dir := filepath.Join(t.Dir, best)
	// A writer that was killed where folders cannot be exchanged may have it aside.
	if err := atomicdir.Sweep(atomicdir.OS, t.Dir); err != nil {
		return err
	}
	if _, err := modeldir.Load(dir); err != nil {
		return fmt.Errorf("the best model so far is not there whole: %w; restore it, or remove %s to train it again", err, t.Dir)
	}
	return nil
}

// bestIsWhole makes sure, at the end of a training, that the best model is what
// was saved: it is what the report is about. Before the end it may be newer than
// the checkpoint, if the process was killed between the two.
func (t *Training) bestIsWhole() error {
	if t.BestSum == "" {
		return nil
	}
	if err := modeldir.Verify(filepath.Join(t.Dir, best), t.BestSum); err != nil {
		return fmt.Errorf("the best model is not whole: %w; restore it, or remove %s to train it again", err, t.Dir)
	}
	return nil
}
