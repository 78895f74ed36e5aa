package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/internal/machine"
)

// rootVariable names the repository, whatever the working directory.
const rootVariable = "ENGRAM_ROOT"

// build makes the command that trains, once for a sweep: its trials are all by the
// same program, whatever becomes of the working tree meanwhile.
func build(ctx context.Context, train string) error {
	if _, err := os.Stat(train); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root := os.Getenv(rootVariable)
	if root == "" {
		root = "."
	}
	made, err := filepath.Abs(train + ".new")
	if err != nil {
		return err
	}
	// With the commit in it if git is at hand, else without.
	var out []byte
	for _, stamp := range []string{"-buildvcs=true", "-buildvcs=false"} {
		if out, err = exec.CommandContext(ctx, "go", "build", "-C", root, stamp, "-o", made, "./train").CombinedOutput(); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("build train: %w: %s", err, strings.Join(strings.Fields(string(out)), " "))
	}
	return os.Rename(made, train)
}

// builtFrom says which commit a program was built from.
func builtFrom(program string) (string, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "", err
	}
	revision := machine.Revision(info)
	commit, changed := strings.CutSuffix(revision, "+")
	switch {
	case revision == "":
		return "a program of no commit", nil
	case changed:
		return "commit " + commit + " with changes that are not in it", nil
	}
	return "commit " + commit, nil
}
