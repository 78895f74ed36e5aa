package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/regular"
)

// commitFile names the commit that a kept run was trained at.
const commitFile = "commit"

// kept are the files of a run that a published number rests on.
var kept = []string{"metrics.jsonl", "report.json", "config.yaml"}

// keep copies what is to be published of a finished run to a folder of its own.
func keep(run, to, commit string) error {
	r, err := readReport(run)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no report.json: want the folder of a finished run", run)
	}
	if err != nil {
		return err
	}
	if commit == "" {
		if commit = r.System.Revision; commit == "" {
			return cli.Usagef("the report of %s does not say which commit it was trained at: want --commit", run)
		}
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fmt.Errorf("%s is there already: want another --as", to)
		}
		return err
	}
	contents := []atomicdir.Content{atomicdir.Bytes(commitFile, []byte(commit+"\n"))}
	for _, name := range kept {
		text, err := regular.Read(filepath.Join(run, name), maxReport)
		if err != nil {
			return err
		}
		contents = append(contents, atomicdir.Bytes(name, text))
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return atomicdir.Write(atomicdir.OS, to, contents)
}
