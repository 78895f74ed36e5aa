package study

import (
	"encoding/json"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A line of progress is the mean of training since the one before, as the lines of
// metrics between them have it.
func TestLinesOfProgress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	_, errs := succeed(t, "--out", dir, "--models", "steady", "--episodes", "100", "--log-every", "5")
	said := regexp.MustCompile(`steady seed 1  (\d+) of 100 episodes  training error_rate ([\d.]+%)  [\d,.]+/s  after [\d.]+m?s\n`).FindAllStringSubmatch(errs, -1)
	if len(said) != 10 {
		t.Fatalf("%d lines in %q", len(said), errs)
	}
	var values []float64
	for raw := range strings.Lines(read(t, dir, metricsFile)) {
		var l line
		must(t, json.Unmarshal([]byte(raw), &l))
		values = append(values, l.Value)
	}
	for i, line := range said {
		if want := stubTask.Metric.Text((values[2*i] + values[2*i+1]) / 2); line[2] != want {
			t.Errorf("%s: want %s, the mean of 10 episodes", strings.TrimSpace(line[0]), want)
		}
	}
}

func TestInTraining(t *testing.T) {
	if got := (&pupil[stubSettings]{values: &values[stubSettings]{task: &stubTask}}).inTraining(math.NaN(), math.Pi); got != "training loss 3.142" {
		t.Error(got)
	}
}
