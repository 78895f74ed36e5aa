package run

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/tensorboard"
)

// Trainee is a model under a seed: what a line of metrics is of.
type Trainee struct {
	Model string `json:"model"`
	Seed  uint64 `json:"seed"`
}

func (j *Job) trainee() Trainee { return Trainee{j.Model, j.Seed} }

// line is a line of metrics.jsonl, its newline included, and whose it is.
type line struct {
	raw []byte
	of  Trainee
}

// readLines returns the whole lines of a metrics file; torn reports whether it ends
// within one.
func readLines(path string) (lines []line, torn bool, err error) {
	text, err := os.ReadFile(path)
	for raw := range bytes.Lines(text) {
		if !bytes.HasSuffix(raw, []byte("\n")) {
			return lines, true, err
		}
		l := line{raw: raw}
		if err := json.Unmarshal(raw, &l.of); err != nil {
			return nil, false, badfile.New(path, fmt.Sprintf("line %d", len(lines)+1), "is no line of metrics (%v); remove it to go on without", err)
		}
		lines = append(lines, l)
	}
	return lines, false, err
}

// linesOf are those of a training.
func linesOf(who Trainee, lines []line) (own [][]byte) {
	for _, l := range lines {
		if l.of == who {
			own = append(own, l.raw)
		}
	}
	return own
}

// Metrics returns the lines that the trainings of a run have written so far, each as an
// L.
func Metrics[L any](r *Run) (map[*Job][]L, error) {
	path, all := filepath.Join(r.Dir, MetricsFile), map[*Job][]L{}
	lines, _, err := readLines(path)
	for _, j := range r.Jobs {
		for _, raw := range linesOf(j.trainee(), lines) {
			var l L
			if err := json.Unmarshal(raw, &l); err != nil {
				return nil, badfile.New(path, "", "has a line that is none of metrics (%v)", err)
			}
			all[j] = append(all[j], l)
		}
	}
	return all, err
}

// metrics is metrics.jsonl, open for appending. Trainings side by side write to it,
// each accounting for its own lines.
type metrics struct {
	path   string
	events bool // for TensorBoard too
	mu     sync.Mutex
	file   *os.File
	own    map[Trainee]*account
}

// account is what a checkpoint keeps of the lines of its training, and the event file
// that has them too, if there is one.
type account struct {
	lines int
	sum   hash.Hash // of the lines
	chart *tensorboard.Writer
}

func (a *account) add(line []byte) {
	a.lines++
	a.sum.Write(line)
}

func (a *account) hex() string { return hex.EncodeToString(a.sum.Sum(nil)) }

func openMetrics(dir string, events bool) (*metrics, error) {
	m := &metrics{path: filepath.Join(dir, MetricsFile), events: events, own: map[Trainee]*account{}}
	if info, err := os.Stat(m.path); err == nil && !info.Mode().IsRegular() {
		return nil, badfile.New(m.path, "", "is no regular file; want lines of metrics")
	}
	return m, m.open()
}

func (m *metrics) open() (err error) {
	m.file, err = os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	return err
}

func (m *metrics) close() error {
	err := m.file.Close()
	for _, a := range m.own {
		err = errors.Join(err, a.chart.Close())
	}
	return err
}

// sync forces the lines to the disk.
func (m *metrics) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.file.Sync()
	for _, a := range m.own {
		err = errors.Join(err, a.chart.Sync())
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
	a := m.own[who]
	a.add(b)
	if _, err := m.file.Write(b); err != nil {
		return err
	}
	return a.chart.Add(b)
}

// count returns how many lines a training has, and their SHA-256.
func (m *metrics) count(who Trainee) (lines int, sum string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own[who].lines, m.own[who].hex()
}

// rewind drops what a training has written after its first lines, whose SHA-256 is
// sum, and a last line that a killed writer left torn, so that one that goes on
// doubles none. Lines of others stay. A file that has lost lines of the training, or
// has others in their place, is an error.
func (m *metrics) rewind(who Trainee, lines int, sum string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, torn, err := readLines(m.path)
	own := linesOf(who, all)
	switch {
	case err != nil:
		return err
	case len(own) < lines:
		return fmt.Errorf("%s has %d lines of %s, seed %d; want the %d it had at the last checkpoint: restore it, or start a new run", m.path, len(own), who.Model, who.Seed, lines)
	}
	a := &account{sum: sha256.New()}
	for _, raw := range own[:lines] {
		a.add(raw)
	}
	if lines > 0 && a.hex() != sum {
		return fmt.Errorf("%s has other lines of %s, seed %d, in its first %d than at the last checkpoint: restore it, or start a new run", m.path, who.Model, who.Seed, lines)
	}
	if torn || lines < len(own) {
		n := 0
		if err := m.replace(slices.DeleteFunc(all, func(l line) bool {
			if l.of == who {
				n++
			}
			return l.of == who && n > lines
		})); err != nil {
			return err
		}
	}
	if was := m.own[who]; was != nil {
		if err := was.chart.Close(); err != nil {
			return err
		}
	}
	m.own[who] = a
	if m.events {
		a.chart, err = m.chart(who, own[:lines])
	}
	return err
}

// chart returns the event file of a training with its lines in it.
func (m *metrics) chart(who Trainee, lines [][]byte) (*tensorboard.Writer, error) {
	return tensorboard.Open(filepath.Join(JobDir(filepath.Dir(m.path), who.Model, who.Seed), tensorboard.File), lines)
}

// chartEnded writes the event files of the trainings that have ended, as far as they
// are not there: they may not have been asked for before.
func (r *Run) chartEnded() error {
	if !r.Resumed || r.locked != nil || !r.Settings.Running().TensorBoard || len(r.left()) == len(r.Jobs) {
		return nil
	}
	m := &metrics{path: filepath.Join(r.Dir, MetricsFile)}
	lines, _, err := readLines(m.path)
	for _, j := range r.Jobs {
		if j.Result != nil && err == nil {
			var w *tensorboard.Writer
			w, err = m.chart(j.trainee(), linesOf(j.trainee(), lines))
			err = cmp.Or(err, w.Close())
		}
	}
	return err
}

// arrange sorts the lines by training, in this order, as trainings one after the
// other would have written them. Lines of no training go.
func (m *metrics) arrange(order []Trainee) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	all, torn, err := readLines(m.path)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(slices.Clone(all), func(l line) bool { return !slices.Contains(order, l.of) })
	byTraining := func(a, b line) int { return slices.Index(order, a.of) - slices.Index(order, b.of) }
	if !torn && len(ours) == len(all) && slices.IsSortedFunc(ours, byTraining) {
		return nil
	}
	slices.SortStableFunc(ours, byTraining)
	return m.replace(ours)
}

// replace puts other lines in the place of the file's and goes on behind them.
func (m *metrics) replace(lines []line) error {
	if err := m.file.Close(); err != nil {
		return err
	}
	var text bytes.Buffer
	for _, l := range lines {
		text.Write(l.raw)
	}
	if err := atomicfile.WriteBytes(m.path, text.Bytes()); err != nil {
		return err
	}
	return m.open()
}
