package run

import (
	"path/filepath"

	"github.com/engram-lm/engram/internal/tensorboard"
)

// charted lets trainings write event files beside their metrics, if that is asked for.
func (r *Run) charted(m *metrics) {
	if r.Settings.Running().TensorBoard {
		m.events = r.eventsFile
	}
}

func (r *Run) eventsFile(who Trainee) string {
	return filepath.Join(r.JobDir(&Job{Model: who.Model, Seed: who.Seed}), tensorboard.File)
}

// chartEnded writes the event files of the trainings that have ended, as far as they
// are not there: they may not have been asked for before.
func (r *Run) chartEnded() error {
	if !r.Resumed || r.locked != nil || !r.Settings.Running().TensorBoard {
		return nil
	}
	own := map[Trainee][][]byte{}
	_, err := eachLine(filepath.Join(r.Dir, MetricsFile), func(raw []byte, of Trainee) { own[of] = append(own[of], raw) })
	if err != nil {
		return err
	}
	for _, j := range r.Jobs {
		if j.Result == nil {
			continue
		}
		who := Trainee{j.Model, j.Seed}
		w, err := tensorboard.Open(r.eventsFile(who), own[who])
		if err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}
