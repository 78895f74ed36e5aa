package trainer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/regular"
)

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

// bestSum is the SHA-256 of the tensors of the best model on the disk.
func (t *Training) bestSum() (string, error) {
	f, _, err := regular.Open(filepath.Join(t.Dir, best, modeldir.TensorsFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// bestIsWhole makes sure, at the end of a training, that the best model is what
// was saved: it is what the report is about. Before the end it may be newer than
// the checkpoint, if the process was killed between the two.
func (t *Training) bestIsWhole() error {
	if t.BestSum == "" {
		return nil
	}
	sum, err := t.bestSum()
	if err == nil && sum != t.BestSum {
		err = fmt.Errorf("%s has SHA-256 %.12s..., not the %.12s... that was written", filepath.Join(t.Dir, best, modeldir.TensorsFile), sum, t.BestSum)
	}
	if err != nil {
		return fmt.Errorf("the best model is not whole: %w; restore it, or remove %s to train it again", err, t.Dir)
	}
	return nil
}
