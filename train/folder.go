package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/strictjson"
)

// The files of a run folder, beside those of the report.
const (
	configFile  = "config.yaml"
	metricsFile = "metrics.jsonl"
	recordFile  = "run.json"
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
	Forced     []string      `json:"forced,omitempty"` // what --force changed since, a sentence each
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
	if err := strictjson.Decode(path, b, &r); err != nil {
		return r, err
	}
	if r.Format != runFormat {
		return r, badfile.New(path, "format", "is %q; want %q: the run goes on with the version of train that began it", r.Format, runFormat)
	}
	return r, nil
}

// create makes the run's folder, whole with its configuration or not at all.
// start is the model that training starts from, or nil.
func (p *plan) create(start *modeldir.Model) error {
	if p.dir != "" {
		p.dir = filepath.Clean(p.dir) // the parent of new/ is that of new
	} else {
		for n := 1; p.dir == "" || exists(p.dir); n++ {
			p.dir = filepath.Join("runs", fmt.Sprintf("%s-%d", p.recipe.Preset, n))
		}
	}
	target := p.dir
	if real, err := filepath.EvalSymlinks(p.dir); err == nil {
		target = real
	}
	if entries, err := os.ReadDir(target); err == nil && len(entries) > 0 {
		if exists(filepath.Join(target, recordFile)) {
			return cli.Usagef("--out: %s holds a run: want a new folder, or --resume %s to go on with it", p.dir, p.dir)
		}
		return cli.Usagef("--out: %s is not empty: want a new or an empty folder", p.dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--out: %w; want a new or an empty folder", err)
	}
	parent := filepath.Dir(target)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := sweepStages(target); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	staged := filepath.Join(parent, stagePrefix(target)+strconv.Itoa(os.Getpid()))
	if err := p.stage(staged, start); err != nil {
		return errors.Join(err, os.RemoveAll(staged))
	}
	// An empty folder makes way; one that another process has filled meanwhile
	// stays, and the rename fails.
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("--out: %w; want a new folder", err), os.RemoveAll(staged))
	}
	if err := os.Rename(staged, target); err != nil {
		return errors.Join(fmt.Errorf("--out: %w", err), os.RemoveAll(staged))
	}
	return atomicdir.OS.SyncDir(parent)
}

// stagePrefix is what the name of a stage of target begins with; the process id
// of its maker ends it. No other program gives such names, so that what is swept
// is nobody's: .run.2024 may be a folder of the user's.
func stagePrefix(target string) string { return "." + filepath.Base(target) + ".engram-run-" }

// sweepStages removes the stages of target whose makers were killed. What
// atomicdir had not finished is hidden once more.
func sweepStages(target string) error {
	parent, prefix := filepath.Dir(target), stagePrefix(target)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".engram-new")
		if name != e.Name() {
			name = strings.TrimPrefix(name, ".")
		}
		digits, ok := strings.CutPrefix(name, prefix)
		if pid, err := strconv.Atoi(digits); !ok || err != nil || !gone(pid) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// gone reports whether no process has the id pid.
func gone(pid int) bool {
	p, err := os.FindProcess(pid)
	return err != nil || errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
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

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func system() report.System {
	return report.System{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpuName(),
		Kernel: kernel.Level(), Threads: runtime.GOMAXPROCS(0),
	}
}
