package main

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/settings"
)

// sweep is a sweep file: what is searched, and how.
type sweep struct {
	Preset string            `yaml:"preset"`
	Set    map[string]string `yaml:"set"`    // settings of every trial
	Seed   uint64            `yaml:"seed"`   // of the draws
	Trials int               `yaml:"trials"` // of each arm
	Ranges ranges            `yaml:"ranges"` // drawn alike for every arm
	Arms   []arm             `yaml:"arms"`
	Rounds []round           `yaml:"rounds"`
	// Parallel is how many trials run at a time; it may change when a sweep goes on.
	Parallel int `yaml:"parallel"`
}

// arm is a model of the search, with ranges of its own.
type arm struct {
	Model  string `yaml:"model"` // as an item of --models
	Ranges ranges `yaml:"ranges"`
	label  string
}

// round is a schedule under which trials are held against each other.
type round struct {
	Epochs int `yaml:"epochs"`
	// Faster is how many times faster than drawn the schedule runs: a decay by d
	// from epoch s becomes one by d^Faster from epoch s/Faster, rounded up, so that
	// a short training comes to the same low rates. 0 is 1.
	Faster float64 `yaml:"faster"`
	// Keep is how many trials of an arm, the best of the round before, take part;
	// 0 takes all.
	Keep int `yaml:"keep"`
}

type ranges map[string]values

// values are what a setting is drawn from: one of the three.
type values struct {
	Linear []float64 `yaml:"linear"` // uniform in [lo, hi]
	Log    []float64 `yaml:"log"`    // log-uniform in [lo, hi]
	Choice []string  `yaml:"choice"`
}

// maxTrials bounds the trainings of an arm.
const maxTrials = 10_000

// readSweep reads a sweep file and checks every trial of it.
func readSweep(path string) (*sweep, []byte, error) {
	text, err := regular.Read(path, 1<<16)
	if err != nil {
		return nil, nil, err
	}
	s, err := parseSweep(text)
	if err != nil {
		return nil, nil, badfile.New(path, "", "%s", strings.ReplaceAll(strings.TrimPrefix(err.Error(), "yaml: "), "\n", " "))
	}
	return s, text, nil
}

func parseSweep(text []byte) (s *sweep, err error) {
	defer func() {
		if r := recover(); r != nil { // as internal/settings does
			s, err = nil, fmt.Errorf("is no YAML: %v", r)
		}
	}()
	s = &sweep{Seed: 1, Parallel: 1}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	return s, s.check()
}

func (s *sweep) check() error {
	switch {
	case s.Trials < 1 || s.Trials > maxTrials:
		return fmt.Errorf("trials %d: want 1 to %d", s.Trials, maxTrials)
	case s.Parallel < 1:
		return fmt.Errorf("parallel %d: want at least 1", s.Parallel)
	case len(s.Arms) == 0:
		return fmt.Errorf("arms: none: want at least one, as - model: lstm")
	case len(s.Rounds) == 0:
		return fmt.Errorf("rounds: none: want at least one, as - epochs: 4")
	}
	for i, r := range s.Rounds {
		if r.Epochs < 1 || r.Faster < 0 || r.Keep < 0 || r.Keep > s.Trials || i == 0 && r.Keep > 0 {
			return fmt.Errorf("round %d %+v: want epochs of at least 1, faster and keep of at least 0, and keep in later rounds only", i+1, r)
		}
	}
	var labels []string
	for i := range s.Arms {
		a := &s.Arms[i]
		for key := range a.Ranges {
			if _, twice := s.Ranges[key]; twice {
				return fmt.Errorf("arm %s: range of %s is in ranges too: want it once", a.Model, key)
			}
		}
		if err := s.name(a); err != nil {
			return err
		}
		if slices.Contains(labels, a.label) {
			return fmt.Errorf("arm %s is given twice: want each once, or a label, as in slow=%s", a.label, a.Model)
		}
		labels = append(labels, a.label)
		for _, r := range []ranges{s.Ranges, a.Ranges} {
			for key, v := range r {
				if err := v.check(); err != nil {
					return fmt.Errorf("range of %s: %w", key, err)
				}
			}
		}
		for trial := range s.Trials {
			for r := range s.Rounds {
				if _, err := s.recipe(a, trial, r); err != nil {
					return fmt.Errorf("trial %d of %s: %w", trial+1, a.label, err)
				}
			}
		}
	}
	return nil
}

// name finds what the arm is called.
func (s *sweep) name(a *arm) error {
	r, err := recipe.New(s.Preset)
	if err != nil {
		return err
	}
	r.Models = settings.List{a.Model}
	arms, err := r.Arms()
	if err != nil {
		return err
	}
	a.label = arms[0].Label
	return nil
}

func (v values) check() error {
	given := 0
	for _, r := range [][]float64{v.Linear, v.Log} {
		if r == nil {
			continue
		}
		given++
		if len(r) != 2 || !(r[0] <= r[1]) || math.IsInf(r[1]-r[0], 0) {
			return fmt.Errorf("%v: want two numbers, the lower first", r)
		}
	}
	if v.Log != nil && !(v.Log[0] > 0) {
		return fmt.Errorf("log %v: want numbers above 0", v.Log)
	}
	if len(v.Choice) > 0 {
		given++
	}
	if given != 1 {
		return fmt.Errorf("want one of linear: [LO, HI], log: [LO, HI] and choice: [A, B]")
	}
	return nil
}

// draw returns the setting's value in a trial. Each setting has a stream of its
// own, so that neither another setting nor more trials move it.
func (v values) draw(seed uint64, stream string, trial int) string {
	r := rng.New(seed, stream)
	var u float64
	for range trial + 1 {
		u = r.Float64()
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) }
	switch {
	case v.Linear != nil:
		return number(v.Linear[0] + u*(v.Linear[1]-v.Linear[0]))
	case v.Log != nil:
		return number(v.Log[0] * math.Pow(v.Log[1]/v.Log[0], u))
	}
	return v.Choice[int(u*float64(len(v.Choice)))]
}

// setting is a key with its value in a trial.
type setting struct{ Key, Value string }

// draws lists what is drawn for a trial, by key: the same for every arm where the
// range is, so that arms differ in nothing but what is theirs.
func (s *sweep) draws(a *arm, trial int) (drawn []setting) {
	for key, v := range s.Ranges {
		drawn = append(drawn, setting{key, v.draw(s.Seed, "sweep."+key, trial)})
	}
	for key, v := range a.Ranges {
		drawn = append(drawn, setting{key, v.draw(s.Seed, "sweep."+a.label+"."+key, trial)})
	}
	slices.SortFunc(drawn, func(x, y setting) int { return strings.Compare(x.Key, y.Key) })
	return drawn
}

// recipe is what a trial trains with in a round.
func (s *sweep) recipe(a *arm, trial, round int) (recipe.Recipe, error) {
	r, err := recipe.New(s.Preset)
	if err != nil {
		return r, err
	}
	var set []setting
	for key, value := range s.Set {
		set = append(set, setting{key, value})
	}
	for _, x := range append(set, s.draws(a, trial)...) {
		if _, err := r.Fields().Set(x.Key + "=" + x.Value); err != nil {
			return r, err
		}
	}
	r.Models = settings.List{a.Model}
	s.Rounds[round].shorten(&r)
	return r, r.Validate()
}

func (r round) shorten(to *recipe.Recipe) {
	to.Epochs = r.Epochs
	if r.Faster == 0 || r.Faster == 1 {
		return
	}
	to.Decay = math.Pow(to.Decay, r.Faster)
	for _, epoch := range []*int{&to.DecayStart, &to.Thaw, &to.AverageFrom} {
		*epoch = int(math.Ceil(float64(*epoch) / r.Faster))
	}
}

// job is a trial in a round: a training, and its folder.
type job struct {
	arm          *arm
	trial, round int
}

func (j job) String() string { return fmt.Sprintf("%s-%02d-r%d", j.arm.label, j.trial+1, j.round+1) }

func (j job) dir(root string) string { return filepath.Join(root, "trials", j.String()) }
