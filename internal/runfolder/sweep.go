package runfolder

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/atomicfile"
)

// Sweep clears the folder of a run, and those within it that are named, of what
// was unfinished when a process that wrote it was killed. The run's lock must be
// held: nobody may be writing there.
func Sweep(dirs ...string) error {
	for _, dir := range dirs {
		if err := errors.Join(atomicdir.Sweep(atomicdir.OS, dir), atomicfile.Sweep(dir, 0)); err != nil {
			return err
		}
	}
	return nil
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
