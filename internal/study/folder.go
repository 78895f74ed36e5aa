package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/runlock"
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
// settings that may change, and its report is of the start.
type record struct {
	Format  string         `json:"format"`
	Task    string         `json:"task"`
	Command string         `json:"command"` // and a line for each that made it grow
	Version string         `json:"version"`
	Config  string         `json:"config"` // config.yaml
	System  machine.System `json:"system"`
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
	if err := strictjson.Decode(path, b, &r); err != nil {
		return r, err
	}
	if r.Format != runFormat {
		return r, badfile.New(path, "format", "is %q; want %q: a run goes on with the command and the version that began it", r.Format, runFormat)
	}
	if r.Task != t.name {
		return r, badfile.New(path, "task", "is %q; want %q: go on with eval %s", r.Task, t.name, r.Task)
	}
	return r, nil
}

// reopen takes hold of a run's folder.
func (t *task) reopen(o *options) (*runlock.Lock, error) {
	if o.out != "" || o.config != "" || len(o.settings) > 0 {
		return nil, cli.Usagef("--resume goes on with the run's own settings: want no --out, --config or --set beside it")
	}
	if _, err := t.readRecord(o.resume); err != nil {
		return nil, err
	}
	return runlock.Acquire(o.resume)
}

// resumed reads the settings of a run and changes what flags change of those that
// may.
func (t *task) resumed(o *options, flags []settings.Field) (*Common, any, record, error) {
	fail := func(err error) (*Common, any, record, error) { return nil, nil, record{}, err }
	began, err := t.readRecord(o.resume)
	if err != nil {
		return fail(err)
	}
	was := t.fields(new(Common), t.blank())
	if _, err := was.Apply(filepath.Join(o.resume, runfolder.Record)+": config", []byte(began.Config)); err != nil {
		return fail(err)
	}
	path := filepath.Join(o.resume, configFile)
	text, err := settings.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	common, own := new(Common), t.blank()
	is := t.fields(common, own)
	if _, err := is.Apply(path, text); err != nil {
		return fail(err)
	}
	if changes := is.Changes(was); len(changes) > 0 {
		c := changes[0]
		return fail(badfile.New(path, c.Is.Key, "is %s, but the run was started with %s; put that back, or start a new run", c.Is, c.Was))
	}
	grown := false
	for _, flag := range flags {
		f, err := is.Find(flag.Key)
		if err != nil {
			return fail(err)
		}
		if !f.Free() && f.String() != flag.String() {
			return fail(cli.Usagef("--%s %s: the run was started with %s, and goes on with that; start a new run for another", f.Flag(), flag, f))
		}
		before := f.String()
		if err := f.Set(flag.String()); err != nil {
			return fail(&cli.UsageError{Err: err})
		}
		grown = grown || f.String() != before && f.Key != "threads" && f.Key != "checkpoint_every"
	}
	if grown { // to repeat the run takes this command too
		began.Command += "\n" + o.command
	}
	return common, own, began, nil
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
