//go:build unix

package study

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A signal saves and says how to go on; a kill asks nobody. Either way the run
// comes to the same bits in the end, its metrics included.
func TestInterruptedAndResumed(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "run")
	args := []string{"--episodes", "200", "--checkpoint-every", "7", "--log-every", "3", "--parallel", "1", "--out", dir}
	succeed(t, args...)
	want := product(t, dir)
	must(t, os.Rename(dir, filepath.Join(parent, "whole")))

	args = append(args, "--delay", "2ms")
	reports := map[string]string{
		"steady": "This run is not complete: 0 of its 3 trainings are finished",
		"eager":  "This run is not complete: 1 of its 3 trainings are finished",
		"still":  "This run is not complete: 2 of its 3 trainings are finished",
	}
	for _, stop := range []struct {
		model  string
		signal syscall.Signal
		status int
	}{{"steady", syscall.SIGINT, 130}, {"steady", syscall.SIGKILL, -1}, {"eager", syscall.SIGKILL, -1}, {"still", syscall.SIGTERM, 143}} {
		c, _, errs := command(args...)
		before := lines(dir, stop.model)
		must(t, c.Start())
		deadline := time.Now().Add(time.Minute)
		for lines(dir, stop.model) < before+6 {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not learn: %s", stop.model, errs)
			}
			time.Sleep(time.Millisecond)
		}
		must(t, c.Process.Signal(stop.signal))
		if stop.status > 0 { // as timeout(1) does; the process may have ended already
			_ = c.Process.Signal(stop.signal)
		}
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != stop.status {
			t.Fatalf("%v: status %d, want %d: %s", stop.signal, got, stop.status, errs)
		}
		hint := "Stopped and saved. To go on: go run ./eval guess --resume " + dir + "\n"
		if stop.status > 0 && !strings.HasSuffix(errs.String(), hint) {
			t.Errorf("%v: no %q at the end of %q", stop.signal, hint, errs)
		}
		// What there is has a report by then.
		for _, name := range []string{"report.html", "report.md", "report.json"} {
			if !strings.Contains(read(t, dir, name), reports[stop.model]) {
				t.Errorf("%s, stopped in %s, does not say %q", name, stop.model, reports[stop.model])
			}
		}
		if said := strings.Contains(errs.String(), "Report of what there is: "); said != (stop.status > 0) {
			t.Errorf("told of a report: %v, in %q", said, errs)
		}
		args = []string{"--resume", dir, "--threads", "1"}
	}
	succeed(t, "--resume", dir, "--delay", "", "--threads", "0")
	same(t, want, product(t, dir))
	if strings.Contains(read(t, dir, "report.html"), "not complete") {
		t.Error("the report of the whole run says that it is not complete")
	}
}

// A run that was given more episodes and is stopped before all trainings have had
// them goes on as one that was given them at once.
func TestInterruptedWhileGrowing(t *testing.T) {
	parent := t.TempDir()
	whole, dir := filepath.Join(parent, "whole"), filepath.Join(parent, "run")
	models := []string{"--models", "steady,still", "--parallel", "1"}
	succeed(t, append(models, "--episodes", "200", "--out", whole)...)
	succeed(t, append(models, "--episodes", "60", "--out", dir)...)
	for _, model := range []string{"steady", "still"} {
		c, _, errs := command("--resume", dir, "--episodes", "200", "--delay", "5ms")
		before := lines(dir, model)
		must(t, c.Start())
		deadline := time.Now().Add(time.Minute)
		for lines(dir, model) < before+2 {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not learn: %s", model, errs)
			}
			time.Sleep(time.Millisecond)
		}
		must(t, c.Process.Signal(syscall.SIGINT))
		_ = c.Wait()
		if got := c.ProcessState.ExitCode(); got != 130 {
			t.Fatalf("status %d, want 130: %s", got, errs)
		}
		// Until a training has ended anew, the run can be what it was.
		_, _, err := guess("--resume", dir, "--episodes", "60")
		if model == "steady" {
			must(t, err)
			if n := strings.Count(read(t, dir, "report.json"), `"episode": `); n != 2*60/5 {
				t.Errorf("curves of %d points, want only those up to 60 episodes", n)
			}
		} else if err == nil || !strings.Contains(err.Error(), "steady, seed 1, has had 200") {
			t.Errorf("with as few episodes as before: %v", err)
		}
	}
	succeed(t, "--resume", dir, "--delay", "")
	sameButOrder(t, product(t, whole), product(t, dir), "step-00000200")
}

// Trainings that learn side by side come to what they come to one after the other,
// whatever stops them.
func TestInterruptedSideBySide(t *testing.T) {
	parent := t.TempDir()
	whole, dir := filepath.Join(parent, "whole"), filepath.Join(parent, "run")
	args := []string{"--episodes", "200", "--seeds", "2", "--checkpoint-every", "7", "--log-every", "3"}
	succeed(t, append(args, "--parallel", "1", "--out", whole)...)
	want := product(t, whole)

	args = append(args, "--parallel", "4", "--delay", "2ms", "--out", dir)
	for i, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGKILL} {
		c, _, errs := command(args...)
		steady, eager := lines(dir, "steady"), lines(dir, "eager")
		must(t, c.Start())
		deadline := time.Now().Add(time.Minute)
		for lines(dir, "steady") < steady+6 || lines(dir, "eager") < eager+6 {
			if time.Now().After(deadline) {
				t.Fatalf("they do not learn side by side: %s", errs)
			}
			time.Sleep(time.Millisecond)
		}
		if i == 0 && strings.Contains(read(t, dir, metricsFile), `"model":"eager","seed":2`) {
			t.Error("more than four at a time")
		}
		must(t, c.Process.Signal(signal))
		_ = c.Wait()
		if signal == syscall.SIGINT && (c.ProcessState.ExitCode() != 130 || !strings.Contains(errs.String(), "Stopped and saved. To go on: ")) {
			t.Errorf("status %d: %s", c.ProcessState.ExitCode(), errs)
		}
		args = []string{"--resume", dir}
	}
	succeed(t, "--resume", dir, "--delay", "")
	got := product(t, dir)
	for _, p := range []map[string]string{want, got} {
		maps.DeleteFunc(p, func(name, _ string) bool { // the configuration; a stop saves one checkpoint more
			return name == "report.json" || strings.Contains(name, "/checkpoints/") && !strings.Contains(name, "step-00000200")
		})
	}
	same(t, want, got)
}

// What stops one training stops and saves those beside it, and is what is told.
func TestFailureSideBySide(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"--models", "steady,still", "--episodes", "300", "--delay", "5ms", "--checkpoint-every", "0", "--parallel", "2", "--out", dir}
	_, errs, err := guess(append(args, "--fail")...)
	if err == nil || !strings.Contains(err.Error(), "still, seed 1: no will to learn; to go on: ") || strings.Contains(errs, "after 300") {
		t.Errorf("%v: %s", err, errs)
	}
	if saved, err := filepath.Glob(filepath.Join(dir, "steady-seed1", checkpoints, "step-*")); err != nil || len(saved) != 1 {
		t.Errorf("%v saved (%v)", saved, err)
	}
	succeed(t, "--resume", dir, "--delay", "", "--fail=false")
}

// lines counts the lines of metrics of a model.
func lines(dir, model string) int {
	b, err := os.ReadFile(filepath.Join(dir, metricsFile))
	if err != nil {
		return 0
	}
	return strings.Count(string(b), `"model":"`+model+`"`)
}
