package trainer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/lstm/optim"
)

// Names within a job's folder.
const (
	best        = "best"
	last        = "last"
	checkpoints = "checkpoints"
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
	Progress  progress           `json:"progress"`
	Schedule  map[string]float64 `json:"schedule,omitempty"`
	Counters  map[string]int64   `json:"counters,omitempty"`
	Metrics   int64              `json:"metrics"` // length of metrics.jsonl
	Sum       string             `json:"metrics_sha256"`
	Identity  identity           `json:"identity"`
	Optimizer string             `json:"optimizer"`
}

// identity is what must be the same when a training goes on.
type identity struct {
	Model     modeldir.Config `json:"model"`
	Seed      uint64          `json:"seed"`
	TrainText string          `json:"train_text"` // SHA-256
	ValidText string          `json:"valid_text"`
	Tokenizer string          `json:"tokenizer"` // SHA-256 of tokenizer.json
	Recipe    string          `json:"recipe"`    // YAML
}

func (j *Job) identity() identity {
	tokenizer := sha256.Sum256(j.Tokenizer)
	return identity{
		Model: j.Model, Seed: j.Seed, TrainText: j.Train.SourceHash, ValidText: j.Valid.SourceHash,
		Tokenizer: hex.EncodeToString(tokenizer[:]), Recipe: string(j.Recipe.YAML()),
	}
}

// saveModel writes a model folder.
func (t *training) saveModel(name string) error {
	return modeldir.Save(filepath.Join(t.Dir, name), &modeldir.Model{
		Config: t.Model, Tensors: t.model.Tensors(), TokenizerJSON: t.Tokenizer,
	})
}

// save begins to write a checkpoint, which goes on beside the next steps; old
// ones are dropped when it is there.
func (t *training) save() error {
	t.Cursor = t.windows.Cursor()
	s := &checkpoint.Snapshot{Step: t.Step, Epoch: t.Epoch, Tensors: map[string]checkpoint.Tensor{}}
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
		return err
	}
	s.Blobs = map[string][]byte{masksBlob: masks}
	if s.Meta, err = json.Marshal(meta{
		Progress: t.progress, Schedule: t.schedule.State(), Counters: o.Counters,
		Metrics: t.Metrics.End(), Sum: t.Metrics.Sum(), Identity: t.identity(), Optimizer: t.Recipe.Optimizer,
	}); err != nil {
		return err
	}
	t.saved = time.Now()
	return t.writer.Write(s)
}

// restore goes on from the newest checkpoint; without one the training is at
// its start.
func (t *training) restore() error {
	s, path, warnings, err := checkpoint.Latest(filepath.Join(t.Dir, checkpoints))
	for _, w := range warnings {
		t.Observer.Warn(w)
	}
	if err != nil {
		return err
	}
	if s == nil {
		return t.Metrics.Truncate(t.MetricsStart, "")
	}
	refuse := func(format string, a ...any) error {
		return fmt.Errorf("%s does not belong to this run: %w; resume with what it was started with, or start a new run", path, fmt.Errorf(format, a...))
	}
	var m meta
	if err := strictjson.Decode(path, s.Meta, &m); err != nil {
		return refuse("%w", err)
	}
	changed, err := t.differs(m.Identity)
	if err != nil {
		return refuse("%w", err)
	}
	copyTo := func(name string, to []float32) error {
		from, ok := s.Tensors[name]
		if !ok || len(from.Data) != len(to) {
			return refuse("tensor %s has %d elements, not %d", name, len(from.Data), len(to))
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
		return refuse("%v", err)
	}
	if err := t.schedule.Load(m.Schedule); err != nil {
		return refuse("%v", err)
	}
	if err := t.masks.UnmarshalBinary(s.Blobs[masksBlob]); err != nil {
		return refuse("stream of dropout masks: %v", err)
	}
	t.progress = m.Progress
	if err := t.hasBest(); err != nil {
		return err
	}
	if err := t.windows.Seek(t.Cursor); err != nil {
		return refuse("%v", err)
	}
	if m.Metrics < t.MetricsStart {
		// The run was finished and became longer: others have lines after the checkpoint.
		m.Metrics, m.Sum = t.MetricsStart, ""
	}
	if err := t.Metrics.Truncate(m.Metrics, m.Sum); err != nil {
		return err
	}
	// One that was killed may not have come to it.
	if err := checkpoint.Prune(filepath.Dir(path), t.Recipe.KeepCheckpoints, s.Step); err != nil || !changed {
		return err
	}
	// From here on there is a checkpoint of what the training is now, so that it
	// need not be forced again.
	return errors.Join(t.save(), t.writer.Wait())
}

// differs says in what a training differs from the one that a checkpoint is of.
// A difference that the user insists on is no error, but reported as a change.
func (j *Job) differs(was identity) (changed bool, err error) {
	is := j.identity()
	a, errA := json.Marshal(is.Model)
	b, errB := json.Marshal(was.Model)
	if err := errors.Join(errA, errB); err != nil {
		return false, err
	}
	for _, f := range []struct {
		name, is, was string
		forced        bool
	}{
		{"model", string(a), string(b), false},
		{"seed", fmt.Sprint(is.Seed), fmt.Sprint(was.Seed), false},
		{"train text", is.TrainText, was.TrainText, true},
		{"valid text", is.ValidText, was.ValidText, true},
		{"tokenizer", is.Tokenizer, was.Tokenizer, false},
	} {
		switch {
		case f.is == f.was:
		case f.forced && j.Force:
			changed = true
		default:
			return false, fmt.Errorf("its %s is %s, not %s", f.name, f.was, f.is)
		}
	}
	r := recipe.Defaults()
	if _, err := r.Apply("its configuration", []byte(was.Recipe)); err != nil {
		return false, err
	}
	for _, c := range j.Recipe.Changes(&r) {
		if !c.Is.Forced() || !j.Force {
			return false, fmt.Errorf("its %s is %s, not %s", c.Is.Key, c.Was, c.Is)
		}
		changed = true
	}
	return changed, nil
}
