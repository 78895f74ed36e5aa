package study

import (
	"bytes"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/progress"
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
	_, err := eachLine(filepath.Join(dir, metricsFile), func(_ []byte, l line) { values = append(values, *l.Value) })
	must(t, err)
	for i, line := range said {
		if want := stubTask.Metric.format((values[2*i] + values[2*i+1]) / 2); line[2] != want {
			t.Errorf("%s: want %s, the mean of 10 episodes", strings.TrimSpace(line[0]), want)
		}
	}
}

// How long a training will take is said once a model, when it is known, and only
// where it pays.
func TestForetell(t *testing.T) {
	var out bytes.Buffer
	r := &run{log: progress.NewLog(&out, false), end: limits{episodes: 6000}}
	all := &trainings{run: r}
	at := func(model string, episode int, seconds float64) {
		j := &job{run: r, all: all, arm: &Arm{Model: model}, start: position{Episode: 1000, Seconds: 99}, at: position{Episode: 1000 + episode, Seconds: 99 + seconds}}
		j.foretell()
	}
	for _, c := range []struct {
		model   string
		episode int
		seconds float64
		end     limits
		want    string
	}{
		{"slow", 1, 2.9, limits{episodes: 6000}, ""},
		{"slow", 10, 3, limits{episodes: 6000}, "slow: about 30m of training a seed\n"},
		{"slow", 20, 6, limits{episodes: 6000}, ""},
		{"fast", 301, 3, limits{episodes: 6000}, ""},
		{"bound", 10, 3, limits{episodes: 6000, time: 20 * time.Minute}, "bound: about 20m of training a seed\n"},
		{"short", 10, 3, limits{episodes: 6000, time: time.Minute}, ""},
		{"goal", 1, 36, limits{episodes: 6000, stopAtGoal: true}, "goal: at most about 60h0m of training a seed\n"},
	} {
		out.Reset()
		r.end = c.end
		at(c.model, c.episode, c.seconds)
		if out.String() != c.want {
			t.Errorf("%+v: %q", c, &out)
		}
	}
	r.log = progress.NewLog(&out, true)
	out.Reset()
	if at("quiet", 10, 3); out.Len() > 0 {
		t.Errorf("quiet: %q", &out)
	}
}

// How long a run will still take is said when it is known of all its models, and
// whenever one of several trainings has ended.
func TestForetellAll(t *testing.T) {
	var out bytes.Buffer
	r := &run{log: progress.NewLog(&out, false), common: &Common{Parallel: 2}, end: limits{episodes: 1000}, dir: t.TempDir()}
	all := &trainings{run: r}
	jobs := map[string]*job{}
	for _, name := range []string{"a1", "b1", "a2", "b2"} {
		jobs[name] = &job{run: r, all: all, arm: &Arm{Model: name[:1]}, into: new(*result)}
		all.left = append(all.left, jobs[name])
	}
	said := func(want string) {
		t.Helper()
		if out.String() != want {
			t.Errorf("%q, want %q", &out, want)
		}
		out.Reset()
	}
	end := func(name string) {
		all.done++
		all.left = slices.DeleteFunc(all.left, func(j *job) bool { return j == jobs[name] })
		all.tell()
	}
	all.note(jobs["a1"], position{Episode: 100}, 0.6)
	said("a: about 10m of training a seed\n")
	all.note(jobs["b1"], position{Episode: 500}, 1.2)
	// 540 and 600 seconds of those under way, 600 and 1,200 of the others.
	said("b: about 20m of training a seed\n0 of 4 trainings finished, about 25m left\n")
	all.note(jobs["b1"], position{Episode: 1000}, 1.2)
	end("b1")
	said("1 of 4 trainings finished, about 20m left\n") // b2 alone takes that
	end("a1")
	end("a2")
	said("2 of 4 trainings finished, about 20m left\n") // and nothing of one that is the last
}

func TestRounded(t *testing.T) {
	for want, seconds := range map[string]float64{"1.2s": 1.234, "12s": 12.34, "2m": 121, "42m": 42*60 + 3, "1h0m": 3600, "0s": 0} {
		if got := rounded(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
	if got := (&job{run: &run{task: stubTask.task()}}).inTraining(nil, finite(math.Pi)); got != "training loss 3.142" {
		t.Error(got)
	}
}
