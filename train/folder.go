package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/runfolder"
	"github.com/engram-lm/engram/internal/strictjson"
)

// The files of a run folder, beside those of the report.
const (
	configFile  = "config.yaml"
	metricsFile = "metrics.jsonl"
	recordFile  = runfolder.Record
	initFolder  = "init" // the model that --init named, which may change or go
)

// runFormat is the version of the run folder that this program goes on with.
const runFormat = "engram-run/1"

// record is run.json: what a run was started as. It goes on only as the same,
// and its report is of the start.
type record struct {
	Format     string        `json:"format"`
	Command    string        `json:"command"`
	Version    string        `json:"version"`
	Config     string        `json:"config"` // config.yaml
	Vocabulary string        `json:"vocabulary"`
	Train      string        `json:"train_text"` // SHA-256, as all of these
	Valid      string        `json:"valid_text"`
	Test       string        `json:"test_text"`
	System     report.System `json:"system"`
	// MetricsFrom is the length that metrics.jsonl had when a run that was finished
	// was made longer. A result from before it is that of the shorter run.
	MetricsFrom int64 `json:"metrics_from,omitempty"`
	// What has changed since, a sentence each: by the user's wish, and of itself.
	Forced []string `json:"forced,omitempty"`
	Notes  []string `json:"notes,omitempty"`
}

// readRecord returns the record of a run folder.
func readRecord(dir string) (record, error) {
	var r record
	path := filepath.Join(dir, recordFile)
	b, err := recipe.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is not the folder of a run: %w; want one that train has made", dir, err)
	}
	if err != nil {
		return r, err
	}
	return r, strictjson.DecodeFormat(path, b, runFormat, "a run goes on with the command and the version that began it", &r)
}

// create makes the run's folder, whole with its configuration or not at all.
// start is the model that training starts from, or nil.
func (p *plan) create(start *modeldir.Model) error {
	if p.dir == "" {
		p.dir = runfolder.Unused(p.folderName())
	}
	return runfolder.Create(p.dir, func(dir string) error { return p.stage(dir, start) })
}

func (p *plan) stage(dir string, start *modeldir.Model) error {
	encoded, err := json.MarshalIndent(p.began, "", " ")
	if err != nil {
		return err
	}
	if err := atomicdir.Write(atomicdir.OS, dir, []atomicdir.Content{
		atomicdir.Bytes(configFile, []byte(p.began.Config)),
		atomicdir.Bytes(recordFile, append(encoded, '\n')),
	}); err != nil || start == nil {
		return err
	}
	return modeldir.Save(filepath.Join(dir, initFolder), start)
}

// folderName is what a run's folder is called, but for its number: after the
// preset, or after the corpus where that is not the preset's own.
func (p *plan) folderName() string {
	if preset, err := recipe.New(p.recipe.Preset); err == nil && preset.Data == p.recipe.Data {
		return p.recipe.Preset
	}
	return p.corpus.Name
}
