package study

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/engram-lm/engram/internal/badfile"
)

// line is a line of metrics.jsonl: means over the episodes since the line before.
// What an episode does not have, such as a value where only a test gives one, is
// null.
type line struct {
	Model    string   `json:"model"`
	Seed     uint64   `json:"seed"`
	Episode  int      `json:"episode"` // so far
	Metric   string   `json:"metric"`
	Value    *float64 `json:"value"`
	Loss     *float64 `json:"loss"`
	GradNorm *float64 `json:"grad_norm"` // before the clip

	Seconds      float64 `json:"seconds"` // of training, so far
	EpisodesPerS float64 `json:"episodes_per_s"`
}

// mean is a mean under way, of what is finite.
type mean struct {
	Sum float64 `json:"sum"`
	N   int     `json:"n"`
}

func (m *mean) add(v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		m.Sum += v
		m.N++
	}
}

// take returns the mean, nil of nothing, and begins the next.
func (m *mean) take() *float64 {
	defer func() { *m = mean{} }()
	return finite(m.Sum / float64(m.N))
}

// finite returns nil for what is no finite number: JSON's null.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// orNaN is the number of finite again.
func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// metrics is metrics.jsonl, open for appending. Trainings side by side write to it.
type metrics struct {
	path string
	mu   sync.Mutex
	file *os.File
}

func openMetrics(path string) (*metrics, error) {
	m := &metrics{path: path}
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

func (m *metrics) write(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err = m.file.Write(append(b, '\n'))
	return err
}

// drop removes the lines of a model and seed after an episode, and a last line
// that a killed writer left torn: a resumed training writes them again. Lines of
// others stay, for they may lie behind.
func (m *metrics) drop(model string, seed uint64, after int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kept bytes.Buffer
	dropped := false
	torn, err := eachLine(m.path, func(raw []byte, l line) {
		if l.Model == model && l.Seed == seed && l.Episode > after {
			dropped = true
			return
		}
		kept.Write(raw)
		kept.WriteByte('\n')
	})
	if err != nil || !dropped && !torn {
		return err
	}
	return m.replace(kept.Bytes())
}

// arrange sorts the lines by model and seed, in this order, as trainings one after
// the other would have written them.
func (m *metrics) arrange(order []trainee) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	rank := map[trainee]int{}
	for i, who := range order {
		rank[who] = i
	}
	lines := make([][]byte, len(order)+1) // of others at the end
	latest, inOrder := 0, true
	_, err := eachLine(m.path, func(raw []byte, l line) {
		at, known := rank[trainee{l.Model, l.Seed}]
		if !known {
			at = len(order)
		}
		lines[at] = append(append(lines[at], raw...), '\n')
		inOrder = inOrder && at >= latest
		latest = at
	})
	if err != nil || inOrder {
		return err
	}
	return m.replace(bytes.Join(lines, nil))
}

// replace puts another content in the file's place and goes on behind it.
func (m *metrics) replace(content []byte) error {
	if err := m.file.Close(); err != nil {
		return err
	}
	if err := writeFile(m.path, content); err != nil {
		return err
	}
	return m.open()
}

// eachLine calls f with each whole line of a metrics file; torn reports whether it
// ends without a newline.
func eachLine(path string, f func(raw []byte, l line)) (torn bool, err error) {
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
		var l line
		if err := json.Unmarshal(raw, &l); err != nil {
			return false, badfile.New(path, fmt.Sprintf("line %d", n), "is no line of metrics (%v); remove it to go on without", err)
		}
		f(bytes.TrimSuffix(raw, []byte("\n")), l)
	}
}
