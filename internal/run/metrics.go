package run

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/engram-lm/engram/internal/badfile"
)

// Trainee is a model under a seed: what a line of metrics is of.
type Trainee struct {
	Model string `json:"model"`
	Seed  uint64 `json:"seed"`
}

// metrics is metrics.jsonl, open for appending. Trainings side by side write to it,
// each accounting for its own lines.
type metrics struct {
	path string
	mu   sync.Mutex
	file *os.File
	own  map[Trainee]*account
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
	m := &metrics{path: path, own: map[Trainee]*account{}}
	return m, m.open()
}

func (m *metrics) open() (err error) {
	m.file, err = os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	return err
}

func (m *metrics) close() error { return m.file.Close() }

// sync forces the lines to the disk.
func (m *metrics) sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.file.Sync()
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
	_, err = m.file.Write(b)
	return err
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
	dropped := false
	torn, err := eachLine(m.path, func(raw []byte, of Trainee) {
		if of == who {
			if a.lines == lines {
				dropped = true
				return
			}
			a.add(raw)
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
	if !dropped && !torn {
		return nil
	}
	return m.replace(kept.Bytes())
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
	var bad error
	torn, err = readMetrics(path, func(n int, raw []byte) {
		var of Trainee
		if err := json.Unmarshal(raw, &of); err != nil && bad == nil {
			bad = badfile.New(path, fmt.Sprintf("line %d", n), "is no line of metrics (%v); remove it to go on without", err)
		}
		f(raw, of)
	})
	if err == nil {
		err = bad
	}
	return torn, err
}

// Metrics returns the lines that the trainings of a run have written so far, each as an
// L.
func Metrics[L any](r *Run) (map[Trainee][]L, error) {
	all := map[Trainee][]L{}
	var bad error
	_, err := eachLine(filepath.Join(r.Dir, MetricsFile), func(raw []byte, of Trainee) {
		var l L
		bad = cmp.Or(bad, json.Unmarshal(raw, &l))
		all[of] = append(all[of], l)
	})
	if err == nil && bad != nil {
		err = badfile.New(filepath.Join(r.Dir, MetricsFile), "", "has a line that is none of metrics (%v)", bad)
	}
	return all, err
}

// readMetrics calls f with each whole line of a metrics file, counted from 1, its
// newline included; torn reports whether the file ends without one.
func readMetrics(path string, f func(n int, raw []byte)) (torn bool, err error) {
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
		f(n, raw)
	}
}
