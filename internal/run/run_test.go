package run

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
)

// plain are settings of which only those that are common count.
type plain struct{ Common }

func (p *plain) Fields() settings.Fields { return nil }

// How long a training will take is said once a model, when it is known, and only
// where it pays.
func TestForetell(t *testing.T) {
	var out bytes.Buffer
	r := &Run{Log: progress.NewLog(&out, false), Settings: &plain{}, Seeds: []uint64{0}}

	arms := map[string]*Arm{}
	at := func(model string, steps int, seconds float64) {
		if arms[model] == nil {
			arms[model] = &Arm{Model: model}
		}
		r.Jobs = []*Job{{Arm: arms[model]}}
		r.foretell(r.Jobs[0], Done{Steps: 1000, Seconds: 99}, Done{Steps: 1000 + steps, Seconds: 99 + seconds})
	}
	for _, c := range []struct {
		model   string
		steps   int
		seconds float64
		limit   float64 // of a training, in seconds
		atMost  bool
		want    string
	}{
		{"slow", 1, 2.9, 0, false, ""},
		{"slow", 10, 3, 0, false, "slow: about 30m of training a seed\n"},
		{"slow", 20, 6, 0, false, ""},
		{"fast", 301, 3, 0, false, ""},
		{"bound", 10, 3, 1200, false, "bound: about 20m of training a seed\n"},
		{"short", 10, 3, 60, false, ""},
		{"goal", 1, 36, 0, true, "goal: at most about 60h0m of training a seed\n"},
	} {
		out.Reset()
		r.End = func(Settings) End { return End{Steps: 6000, Time: time.Duration(c.limit * 1e9), Goal: c.atMost} }
		at(c.model, c.steps, c.seconds)
		if out.String() != c.want {
			t.Errorf("%+v: %q", c, &out)
		}
	}
	r.Log = progress.NewLog(&out, true)
	out.Reset()
	if at("quiet", 10, 3); out.Len() > 0 {
		t.Errorf("quiet: %q", &out)
	}
}

// How long a run will still take is said when it is known of all its models, and
// whenever one of several trainings has ended.
func TestForetellAll(t *testing.T) {
	var out bytes.Buffer
	r := &Run{Log: progress.NewLog(&out, false), Settings: &plain{Common{Parallel: 2}}}
	r.End = func(Settings) End { return End{Steps: 1000} }
	jobs := map[string]*Job{}
	for _, arm := range []*Arm{{Model: "a"}, {Model: "b"}} {
		for _, seed := range []uint64{1, 2} {
			j := &Job{Arm: arm, Seed: seed}
			jobs[fmt.Sprint(j.Model, seed)] = j
			r.Jobs = append(r.Jobs, j)
		}
	}
	r.Seeds = []uint64{1, 2}
	at := func(name string, steps int, step float64) {
		r.foretell(jobs[name], Done{}, Done{Steps: steps, Seconds: float64(steps) * step})
	}
	said := func(want string) {
		t.Helper()
		if out.String() != want {
			t.Errorf("%q, want %q", &out, want)
		}
		out.Reset()
	}
	end := func(name string) {
		jobs[name].Result = &Result{}
		r.tell()
	}
	at("a1", 100, 0.6)
	said("a: about 10m of training a seed\n")
	at("b1", 500, 1.2)
	// 540 and 600 seconds of those under way, 600 and 1,200 of the others.
	said("b: about 20m of training a seed\n0 of 4 trainings finished, about 25m left\n")
	at("b1", 1000, 1.2)
	end("b1")
	said("1 of 4 trainings finished, about 20m left\n") // b2 alone takes that
	end("a1")
	end("a2")
	said("2 of 4 trainings finished, about 20m left\n") // and nothing of one that is the last
}

func TestJoined(t *testing.T) {
	for _, c := range []struct{ key, was, given, want string }{
		{"models", "plastic,rnn", "rnn", "plastic,rnn"},
		{"models", "plastic,rnn", "lstm,plastic,cell", "plastic,rnn,lstm,cell"},
		{"seeds", "1,", "3", "3"},
		{"seeds", "3", "1,", "3"},
		{"seeds", "2", "7,", "1,2,7"},
		{"seeds", "7,", "2", "7,1,2"},
		{"seeds", "7,2", "2,7", "7,2"},
		{"episodes", "60", "50", "50"},
	} {
		if got, err := joined(c.key, c.was, c.given); got != c.want || err != nil {
			t.Errorf("%s %s and %s: %q, %v, want %q", c.key, c.was, c.given, got, err, c.want)
		}
	}
	if _, err := joined("models", "lstm,slow=modulated", "slow=modulated:rule=decay"); err == nil {
		t.Error("another slow: no error")
	}
	if _, err := joined("seeds", "1,", "none"); err == nil {
		t.Error("seeds none: no error")
	}
}

// What a run goes on with is noted where it is not what it was begun with, but for
// the number of cores.
func TestRestart(t *testing.T) {
	r := &Record{Version: "1", System: machine.System{Arch: "amd64", Kernel: "avx2", Threads: 2}}
	now := r.System
	now.Threads = 1
	if note := r.restart(r.Version, now, 1, 2); note != "" || r.Notes != nil {
		t.Errorf("on the same: %q", note)
	}
	now.Kernel = "go"
	want := "Gone on with Engram 2 (before: 1), kernels for go (before: avx2), after 1 of 2 trainings were finished: the bits are not those of an uninterrupted run"
	if got := r.restart("2", now, 1, 2); got != want || r.System != now || r.Version != "2" || len(r.Notes) != 1 {
		t.Errorf("%q, want %q; %+v", got, want, r)
	}
}

// A training that the user insists on changing is told from one that is another.
func TestDiffers(t *testing.T) {
	type own struct {
		LR   float64 `yaml:"lr" resume:"by force"`
		Size int     `yaml:"size"`
		Name string  `yaml:"name" resume:"may change"`
	}
	r := &Run{Program: &Program{Name: "train"}}
	r.Facts = []Fact{{Key: "train text", Is: "1f", Forced: true}}
	was := r.identity(&Job{Seed: 1, Arm: &Arm{Model: "a", Settings: settings.Of(&own{1, 2, "x"}), Facts: []Fact{{Key: "model", Is: "m"}}}})
	delete(was.Settings, "unknown")
	for _, c := range []struct {
		job     Job
		own     own
		text    string
		changed bool
		forced  string // error with force, "" for none
	}{
		{Job{Arm: &Arm{Model: "a"}, Seed: 1}, own{1, 2, "y"}, "1f", false, ""},
		{Job{Arm: &Arm{Model: "a"}, Seed: 1}, own{3, 2, "x"}, "1f", true, ""},
		{Job{Arm: &Arm{Model: "a"}, Seed: 1}, own{1, 2, "x"}, "2f", true, ""},
		{Job{Arm: &Arm{Model: "a"}, Seed: 1}, own{1, 3, "x"}, "1f", true, "its size is 2, not 3"},
		{Job{Arm: &Arm{Model: "a"}, Seed: 2}, own{1, 2, "x"}, "1f", true, "its seed is 1, not 2"},
	} {
		j := c.job
		j.Settings, j.Facts = settings.Of(&c.own), []Fact{{Key: "model", Is: "m"}}
		r.Facts[0].Is = c.text
		changed, err := r.differs(&j, was, true)
		if fmt.Sprint(err) != c.forced && (err != nil || c.forced != "") || err == nil && changed != c.changed {
			t.Errorf("%+v: %v, %v", c, changed, err)
		}
		if _, err := r.differs(&j, was, false); (err != nil) != c.changed {
			t.Errorf("%+v without force: %v", c, err)
		}
	}
}
