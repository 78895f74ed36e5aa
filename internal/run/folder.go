package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/settings"
	"github.com/engram-lm/engram/internal/strictjson"
)

// The files of a run folder, beside runfolder.Record.
const (
	ConfigFile  = "config.yaml"
	MetricsFile = "metrics.jsonl"
	ReportPage  = "report.html" // that the user is told of
)

// ReportFiles are the files of a report.
var ReportFiles = []string{"report.json", "report.md", ReportPage}

// Format is the version of the run folder that this program goes on with.
const Format = "engram-run/3"

// Record is run.json: what a run was started as. It goes on only as the same, but
// for the settings that may change and for what it runs on.
type Record struct {
	Format  string            `json:"format"`
	Program string            `json:"program"`
	Command string            `json:"command"`         // and a line for each that made it grow
	Version string            `json:"version"`         // that went on with it last
	Config  string            `json:"config"`          // config.yaml
	Facts   map[string]string `json:"facts,omitempty"` // by their keys
	System  machine.System    `json:"system"`          // on which it went on last
	// Kept are the trainings that had ended when the user insisted on other settings,
	// and stay as they are.
	Kept []string `json:"kept,omitempty"`
	// What has changed since, a sentence each: by the user's wish, and of itself.
	Forced []string `json:"forced,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// ReadRecord returns what the run in a folder was started as, whatever its program. What
// to do with a run of another format is said in a clause.
func ReadRecord(dir, otherwise string) (r Record, err error) {
	path := filepath.Join(dir, runfolder.Record)
	b, err := settings.ReadFile(path)
	if err != nil {
		return r, err
	}
	err = strictjson.DecodeFormat(path, b, Format, otherwise+"; its models load with this version", &r)
	return r, err
}

// readRecord returns the record of a run folder of the program.
func (p *Program) readRecord(dir string) (Record, error) {
	r, err := ReadRecord(dir, "a run goes on with the command and the version that began it")
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is not the folder of a run: %w; want one that %s has made", dir, err, p.Invocation)
	}
	if err == nil && r.Program != p.Name {
		err = badfile.New(filepath.Join(dir, runfolder.Record), "program", "is %q; want %q: go on with the command that began it", r.Program, p.Name)
	}
	return r, err
}

func (r Record) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", " ")
	return append(b, '\n'), err
}

// create makes the run's folder, whole with its configuration or not at all.
func (r *Run) create() error {
	encoded, err := r.Began.encode()
	if err != nil {
		return err
	}
	return runfolder.Create(r.Dir, func(dir string) error {
		err := atomicdir.Write(atomicdir.OS, dir, []atomicdir.Content{
			atomicdir.Bytes(ConfigFile, []byte(r.Began.Config)),
			atomicdir.Bytes(runfolder.Record, encoded),
		})
		if err != nil || r.Stage == nil {
			return err
		}
		return r.Stage(dir)
	})
}

// keep writes the settings and the record anew, of which some may have changed. The
// settings come first: until the record agrees with them, they are changes again.
func (r *Run) keep() error {
	encoded, err := r.Began.encode()
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(r.Dir, ConfigFile), r.Settings.Fields().YAML()); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(r.Dir, runfolder.Record), encoded)
}
