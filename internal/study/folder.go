package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/strictjson"
)

// The files of a run folder, beside runfolder.Record and those of the report.
const (
	configFile  = "config.yaml"
	metricsFile = "metrics.jsonl"
)

// runFormat is the version of the run folder that this program goes on with.
const runFormat = "engram-study/1"

// record is what a run was started as. It goes on only as the same, but for the
// settings that may change and for what it runs on.
type record struct {
	Format  string         `json:"format"`
	Task    string         `json:"task"`
	Command string         `json:"command"`         // and a line for each that made it grow
	Version string         `json:"version"`         // that went on with it last
	Config  string         `json:"config"`          // config.yaml
	System  machine.System `json:"system"`          // on which it went on last
	Notes   []string       `json:"notes,omitempty"` // a sentence for each start on which these two changed
}

// readRecord returns the record of a run folder of the task.
func (t *task) readRecord(dir string) (record, error) {
	var r record
	path := filepath.Join(dir, runfolder.Record)
	b, err := settings.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is not the folder of a run: %w; want one that eval %s has made", dir, err, t.name)
	}
	if err != nil {
		return r, err
	}
	if err := strictjson.DecodeFormat(path, b, runFormat, "a run goes on with the command and the version that began it", &r); err != nil {
		return r, err
	}
	if r.Task != t.name {
		return r, badfile.New(path, "task", "is %q; want %q: go on with eval %s", r.Task, t.name, r.Task)
	}
	return r, nil
}

func (r record) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", " ")
	return append(b, '\n'), err
}

// create makes the run's folder, whole with its configuration or not at all.
func (r *run) create() error {
	encoded, err := r.began.encode()
	if err != nil {
		return err
	}
	return runfolder.Create(r.dir, func(dir string) error {
		return atomicdir.Write(atomicdir.OS, dir, []atomicdir.Content{
			atomicdir.Bytes(configFile, []byte(r.began.Config)),
			atomicdir.Bytes(runfolder.Record, encoded),
		})
	})
}

// keep writes the settings and the record anew, of which some may have changed.
func (r *run) keep() error {
	encoded, err := r.began.encode()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(r.dir, configFile), r.task.fields(r.common, r.own).YAML()); err != nil {
		return err
	}
	return writeFile(filepath.Join(r.dir, runfolder.Record), encoded)
}
