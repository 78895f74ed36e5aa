package trainer

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/optim"
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

// keep is how many checkpoints of a training stay.
const keep = 2

// meta is what a checkpoint keeps beside tensors and streams.
type meta struct {
	Progress  progress           `json:"progress"`
	Schedule  map[string]float64 `json:"schedule"`
	Counters  map[string]int64   `json:"counters"`
	Metrics   int64              `json:"metrics"` // length of metrics.jsonl
	Identity  identity           `json:"identity"`
	Optimizer string             `json:"optimizer"`
}

// identity is what must be the same when a training goes on.
type identity struct {
	Model     modeldir.Config `json:"model"`
	Seed      uint64          `json:"seed"`
	TrainText string          `json:"train_text"` // SHA-256
	ValidText string          `json:"valid_text"`
	Recipe    string          `json:"recipe"` // YAML
}

func (j *Job) identity() identity {
	r := j.Recipe
	r.Threads, r.CheckpointEvery = 0, "" // they change nothing of what comes out
	return identity{j.Model, j.Seed, j.Train.SourceHash, j.Valid.SourceHash, string(r.YAML())}
}

// saveModel writes a model folder.
func (t *training) saveModel(name string) error {
	return modeldir.Save(filepath.Join(t.Dir, name), &modeldir.Model{
		Config: t.Model, Tensors: t.model.Tensors(), TokenizerJSON: t.Tokenizer,
	})
}

// save writes a checkpoint and drops old ones.
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
		Metrics: t.Metrics.End(), Identity: t.identity(), Optimizer: t.Recipe.Optimizer,
	}); err != nil {
		return err
	}
	if err := t.Metrics.Sync(); err != nil {
		return err
	}
	root := filepath.Join(t.Dir, checkpoints)
	if _, err := checkpoint.Write(root, s); err != nil {
		return fmt.Errorf("saving a checkpoint: %w", err)
	}
	t.saved = time.Now()
	return checkpoint.Prune(root, keep)
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
		return t.Metrics.Truncate(t.MetricsStart)
	}
	refuse := func(format string, a ...any) error {
		return fmt.Errorf("%s does not belong to this run: %s; resume with what it was started with, or start a new run", path, fmt.Sprintf(format, a...))
	}
	var m meta
	if err := json.Unmarshal(s.Meta, &m); err != nil {
		return refuse("%v", err)
	}
	if field := t.identity().differs(m.Identity); field != "" {
		return refuse("another %s", field)
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
	if err := t.windows.Seek(t.Cursor); err != nil {
		return refuse("%v", err)
	}
	return t.Metrics.Truncate(m.Metrics)
}

// differs names the first field in which two trainings differ.
func (i identity) differs(other identity) string {
	a, errA := json.Marshal(i.Model)
	b, errB := json.Marshal(other.Model)
	switch {
	case errA != nil || errB != nil || string(a) != string(b):
		return fmt.Sprintf("model (%s, not %s)", b, a)
	case i.Seed != other.Seed:
		return fmt.Sprintf("seed (%d, not %d)", other.Seed, i.Seed)
	case i.TrainText != other.TrainText:
		return "train text"
	case i.ValidText != other.ValidText:
		return "valid text"
	case i.Recipe != other.Recipe:
		mine, theirs := strings.Split(i.Recipe, "\n"), strings.Split(other.Recipe, "\n")
		for _, line := range theirs {
			if !slices.Contains(mine, line) {
				setting, _, _ := strings.Cut(line, " #")
				return "setting (" + setting + ")"
			}
		}
		return "configuration"
	}
	return ""
}
