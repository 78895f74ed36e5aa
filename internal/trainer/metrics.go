package trainer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/engram-lm/engram/internal/badfile"
)

// Line is a line of metrics.jsonl: one every so many steps and one at the end of
// each epoch. NLLs are means in nats; train_nll is over the epoch so far.
type Line struct {
	Model      string   `json:"model"`
	Seed       uint64   `json:"seed"`
	Epoch      int      `json:"epoch"`
	Step       int      `json:"step"`
	Tokens     int      `json:"tokens"` // trained on in all
	TrainNLL   float64  `json:"train_nll"`
	ValidNLL   *float64 `json:"valid_nll,omitempty"` // at the end of an epoch
	LR         float64  `json:"lr"`
	GradNorm   float64  `json:"grad_norm"` // before the clip, of the last step
	TokensPerS float64  `json:"tokens_per_s"`
	Event      string   `json:"event,omitempty"` // what happened beside the steps: a rollback
	// Of a plastic model, at the end of an epoch: see Epoch.
	Traces       []Trace  `json:"traces,omitempty"`
	ValidNLLOff  *float64 `json:"valid_nll_off,omitempty"`
	ValidNLLMean *float64 `json:"valid_nll_mean,omitempty"`
}

// Metrics is metrics.jsonl, open for appending.
type Metrics struct {
	file *os.File
	end  int64
	sum  hash.Hash // of the bytes before end
}

// OpenMetrics opens the file, or makes it.
func OpenMetrics(path string) (*Metrics, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	m := &Metrics{file: file}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = badfile.New(path, "", "is no regular file; want lines of metrics")
	}
	if err == nil {
		err = m.read(info.Size())
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return m, nil
}

// read takes account of the first end bytes of the file.
func (m *Metrics) read(end int64) error {
	m.end, m.sum = end, sha256.New()
	_, err := io.Copy(m.sum, io.NewSectionReader(m.file, 0, end))
	return err
}

// Write appends a line.
func (m *Metrics) Write(l Line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	n, err := m.file.WriteAt(b, m.end)
	m.end += int64(n)
	m.sum.Write(b[:n])
	return err
}

// End returns the file's length, to be kept in a checkpoint.
func (m *Metrics) End() int64 { return m.end }

// Sum returns the SHA-256 of the lines so far, to be kept beside End.
func (m *Metrics) Sum() string { return hex.EncodeToString(m.sum.Sum(nil)) }

// Truncate drops what was written after the moment, such as a checkpoint's, that
// End returned end at and Sum returned sum, so that a resumed run doubles no line.
// A file that has lost lines since, or has others before end, is an error. An
// empty sum stands for any.
func (m *Metrics) Truncate(end int64, sum string) error {
	if end < 0 || end > m.end {
		return fmt.Errorf("%s has %d bytes; want the %d it had at the last checkpoint: restore it, or start a new run", m.file.Name(), m.end, end)
	}
	if err := m.read(end); err != nil {
		return err
	}
	if sum != "" && m.Sum() != sum {
		return fmt.Errorf("%s has other lines in its first %d bytes than at the last checkpoint: restore it, or start a new run", m.file.Name(), end)
	}
	return m.file.Truncate(end)
}

// Sync forces the lines to the disk.
func (m *Metrics) Sync() error { return m.file.Sync() }

// Close closes the file.
func (m *Metrics) Close() error { return m.file.Close() }
