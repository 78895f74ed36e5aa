package run

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/tensorboard"
)

// Trainee is a model under a seed: what a line of metrics is of.
type Trainee struct {
	Model string `json:"model"`
	Seed  uint64 `json:"seed"`
}

func (j *Job) trainee() Trainee { return Trainee{j.Model, j.Seed} }

// metrics is metrics.jsonl, open for appending. Trainings side by side write to it,
// each accounting for its own lines.
type metrics struct {
	path string
	mu   sync.Mutex
	file *os.File
	own  map[Trainee]*account

	// events, which may be nil, is the path of the event file that TensorBoard is to
	// have of a training's lines; charts are those that are open.
	events func(who Trainee) string
	charts map[Trainee]*tensorboard.Writer
}

// account is what a checkpoint keeps of the lines of its training.
type account struct {
	lines int
	sum   hash.Hash // of the lines
}

func openMetrics(path string) (*metrics, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, badfile.New(path, "", "is no regular file; want lines of metrics")
	}
	m := &metrics{path: path, own: map[Trainee]*account{}, charts: map[Trainee]*tensorboard.Writer{}}
	return m, m.open()
}

func (m *metrics) open() (err error) {
	m.file, err = os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	return err
}

func (m *metrics) close() error {
	err := m.file.Close()
	for _, c := range m.charts {
		err = errors.Join(err, c.Close())
	}
	return err
}

// sync forces the lines to the disk.
func (m *metrics) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.file.Sync()
	for _, c := range m.charts {
		err = errors.Join(err, c.Sync())
	}
	return err
}

// write appends a line of a training.
func (m *metrics) write(who Trainee, line any) error {
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	m.mu.Lock()
	defer m.mu.Unlock()
	m.own[who].add(b)
	if _, err := m.file.Write(b); err != nil {
		return err
	}
	if c := m.charts[who]; c != nil {
		return c.Add(b)
	}
	return nil
}

func (a *account) add(line []byte) {
	a.lines++
	a.sum.Write(line)
}

// count returns how many lines a training has, and their SHA-256.
func (m *metrics) count(who Trainee) (lines int, sum string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.own[who]
	return a.lines, hex.EncodeToString(a.sum.Sum(nil))
}

// rewind drops what a training has written after its first lines, whose SHA-256 is
// sum, and a last line that a killed writer left torn, so that one that goes on
// doubles none. Lines of others stay. A file that has lost lines of the training, or
// has others in their place, is an error.
func (m *metrics) rewind(who Trainee, lines int, sum string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := &account{sum: sha256.New()}
	var kept bytes.Buffer
	var own [][]byte
	dropped := false
	torn, err := eachLine(m.path, func(raw []byte, of Trainee) {
		if of == who {
			if a.lines == lines {
				dropped = true
				return
			}
			a.add(raw)
			own = append(own, raw)
		}
		kept.Write(raw)
	})
	if err != nil {
		return err
	}
	if a.lines < lines {
		return fmt.Errorf("%s has %d lines of %s, seed %d; want the %d it had at the last checkpoint: restore it, or start a new run", m.path, a.lines, who.Model, who.Seed, lines)
	}
	if lines > 0 && hex.EncodeToString(a.sum.Sum(nil)) != sum {
		return fmt.Errorf("%s has other lines of %s, seed %d, in its first %d than at the last checkpoint: restore it, or start a new run", m.path, who.Model, who.Seed, lines)
	}
	m.own[who] = a
	if dropped || torn {
		if err := m.replace(kept.Bytes()); err != nil {
			return err
		}
	}
	return m.chart(who, own)
}

// chart makes the event file of a training hold its lines, and opens it for more.
func (m *metrics) chart(who Trainee, lines [][]byte) (err error) {
	if m.events == nil {
		return nil
	}
	if open := m.charts[who]; open != nil {
		if err := open.Close(); err != nil {
			return err
		}
	}
	delete(m.charts, who)
	c, err := tensorboard.Open(m.events(who), lines)
	if err == nil {
		m.charts[who] = c
	}
	return err
}

// arrange sorts the lines by training, in this order, as trainings one after the
// other would have written them. Lines of no training go.
func (m *metrics) arrange(order []Trainee) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	rank := map[Trainee]int{}
	for i, who := range order {
		rank[who] = i
	}
	lines := make([][]byte, len(order))
	latest, inOrder := 0, true
	torn, err := eachLine(m.path, func(raw []byte, of Trainee) {
		at, known := rank[of]
		inOrder = inOrder && known && at >= latest
		if known {
			lines[at] = append(lines[at], raw...)
			latest = at
		}
	})
	if err != nil || inOrder && !torn {
		return err
	}
	return m.replace(bytes.Join(lines, nil))
}

// replace puts another content in the file's place and goes on behind it.
func (m *metrics) replace(content []byte) error {
	if err := m.file.Close(); err != nil {
		return err
	}
	if err := WriteFile(m.path, content); err != nil {
		return err
	}
	return m.open()
}

// eachLine calls f with each whole line of a metrics file, its newline included;
// torn reports whether it ends without one.
func eachLine(path string, f func(raw []byte, of Trainee)) (torn bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 1<<16)
	for n := 1; ; n++ {
		raw, err := r.ReadBytes('\n')
		if err == io.EOF {
			return len(raw) > 0, nil
		}
		if err != nil {
			return false, err
		}
		var of Trainee
		if err := json.Unmarshal(raw, &of); err != nil {
			return false, badfile.New(path, fmt.Sprintf("line %d", n), "is no line of metrics (%v); remove it to go on without", err)
		}
		f(raw, of)
	}
}

// Metrics returns the lines that the trainings of a run have written so far, each as an
// L.
func Metrics[L any](r *Run) (map[*Job][]L, error) {
	jobs, all := map[Trainee]*Job{}, map[*Job][]L{}
	for _, j := range r.Jobs {
		jobs[j.trainee()] = j
	}
	path, bad := filepath.Join(r.Dir, MetricsFile), error(nil)
	_, err := eachLine(path, func(raw []byte, of Trainee) {
		var l L
		bad = cmp.Or(bad, json.Unmarshal(raw, &l))
		all[jobs[of]] = append(all[jobs[of]], l)
	})
	if err == nil && bad != nil {
		err = badfile.New(path, "", "has a line that is none of metrics (%v)", bad)
	}
	return all, err
}

// openMetrics opens the metrics of the run's trainings, with event files if they are
// asked for.
func (r *Run) openMetrics() (err error) {
	r.metrics, err = openMetrics(filepath.Join(r.Dir, MetricsFile))
	if err == nil && r.Settings.Running().TensorBoard {
		r.metrics.events = r.eventsFile
	}
	return err
}

// eventsFile is the event file that TensorBoard has of a training.
func (r *Run) eventsFile(who Trainee) string {
	return filepath.Join(JobDir(r.Dir, who.Model, who.Seed), tensorboard.File)
}

// chartEnded writes the event files of the trainings that have ended, as far as they
// are not there: they may not have been asked for before.
func (r *Run) chartEnded() error {
	if !r.Resumed || r.locked != nil || !r.Settings.Running().TensorBoard {
		return nil
	}
	own := map[Trainee][][]byte{}
	_, err := eachLine(filepath.Join(r.Dir, MetricsFile), func(raw []byte, of Trainee) { own[of] = append(own[of], raw) })
	for _, j := range r.Jobs {
		if err != nil {
			return err
		}
		if j.Result == nil {
			continue
		}
		var w *tensorboard.Writer
		if w, err = tensorboard.Open(r.eventsFile(j.trainee()), own[j.trainee()]); err == nil {
			err = w.Close()
		}
	}
	return err
}
