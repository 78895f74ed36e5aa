package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/report"
)

// onLine calls f with each line that is written.
type onLine func(line string)

func (f onLine) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		f(line)
	}
	return len(b), nil
}

// While a training goes on its report has what there is after each epoch, and where it
// is stopped what there is then: curves by epochs and by steps, and no figures.
func TestReportWhileTraining(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	dir := filepath.Join(t.TempDir(), "run")
	seeds := func() []report.Seed {
		var rep struct {
			Arms []struct{ Seeds []report.Seed }
		}
		must(t, json.Unmarshal([]byte(read(t, dir, "report.json")), &rep))
		return rep.Arms[0].Seeds
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	told := 0
	watch := onLine(func(line string) {
		if !strings.Contains(line, "seed 1  epoch ") {
			return
		}
		if told++; told == 1 {
			if _, err := os.Stat(filepath.Join(dir, reportPage)); err == nil {
				t.Error("a report of nothing")
			}
			return
		}
		// The first epoch is reported, and later ones too unless they come too fast.
		if s := seeds(); len(s) != 1 || s[0].Status != report.UnderWay || len(s[0].Curve) < 1 || len(s[0].Curve) >= told {
			t.Errorf("after %d epochs: %+v", told-1, s)
		}
		if told == 3 {
			cancel()
		}
	})
	args := tiny("--models", "plastic", "--seeds", "2", "--parallel", "1", "--epochs", "9", "--set", "log_every=1", "--out", dir)
	err := train(ctx, args, &bytes.Buffer{}, watch)
	if stopped, ok := errors.AsType[*cli.ErrInterrupted](err); !ok {
		t.Fatal(err, stopped)
	}
	s := seeds()
	if len(s) != 1 || s[0].Status != report.UnderWay || len(s[0].Curve) != 3 {
		t.Fatalf("stopped: %+v", s)
	}
	last, validated := s[0].Steps[len(s[0].Steps)-1], 0
	for i, p := range s[0].Steps {
		if p.GradNorm <= 0 || p.TrainNLL <= 0 || i > 0 && p.Step != s[0].Steps[i-1].Step+1 {
			t.Errorf("point %d: %+v", i, p)
		}
		if p.ValidNLL > 0 {
			validated++
		}
	}
	if validated != 3 || last.Step != s[0].Curve[2].Step && last.Step != s[0].Curve[2].Step+1 {
		t.Errorf("%d validations, the last step %d: %+v", validated, last.Step, s[0].Curve)
	}
	page := read(t, dir, reportPage)
	for _, want := range []string{"No training is finished yet.", "0 of its 2 trainings are finished", "Step by step", "Norm of the gradient before the clip", "is under way"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	must(t, train(t.Context(), []string{"--resume", dir, "--quiet"}, &bytes.Buffer{}, &bytes.Buffer{}))
	if page := read(t, dir, reportPage); strings.Contains(page, report.UnderWay) || strings.Contains(page, "not complete") {
		t.Error("the finished run's report is not finished")
	}
}
