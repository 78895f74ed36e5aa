package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/engram-lm/engram/internal/stats"
)

// Study is a run of a learning task: one or more models, each under one or more
// seeds, measured on episodes that they have not learned from. Its JSON form is a
// learning task's report.json.
type Study struct {
	Command string     `json:"command"`
	Version string     `json:"version"`
	Task    string     `json:"task"`
	Preset  string     `json:"preset"`
	Metric  Metric     `json:"metric"`
	Models  []StudyArm `json:"models"`
	Pairs   []Pair     `json:"pairs,omitempty"` // of three models or more; Summarise derives them

	Title string   `json:"title"`
	About []string `json:"about"` // paragraphs: what the task is
	Unit  string   `json:"unit"`  // plural of what a training counts
	// Yardstick is a sentence on what knowing nothing, or all, would come to.
	Yardstick string   `json:"yardstick,omitempty"`
	Columns   []Column `json:"columns,omitempty"`
	Goal      *Goal    `json:"goal,omitempty"`
	// Conditions are the settings that runs of the task must share to compare.
	Conditions []Condition `json:"conditions,omitempty"`
	Config     string      `json:"config,omitempty"` // as YAML
	System     System      `json:"system"`
	Notes      []string    `json:"notes,omitempty"` // whole sentences, shown under the table and its chart
}

// Metric is what the models are measured by.
type Metric struct {
	Name    string `json:"name"`  // as in metrics.jsonl
	Label   string `json:"label"` // in words
	Higher  bool   `json:"higher_is_better"`
	Percent bool   `json:"percent"` // a share of one, written as a percentage
	// On is what it is measured on, in words, where that is not what every task has:
	// episodes that no model has learned from.
	On string `json:"on,omitempty"`
}

// Condition is a setting and its value.
type Condition struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Column is a measure that the table of the models shows.
type Column struct {
	Name  string `json:"name"`
	About string `json:"about"` // a clause
}

// Goal is when a model has learned the task: at the first episode from which on the
// running mean over Window episodes of training stays on the good side of Value for
// Hold episodes more.
type Goal struct {
	Value  float64 `json:"value"`
	Window int     `json:"window"`
	Hold   int     `json:"hold"`
}

// StudyArm is one model of a study.
type StudyArm struct {
	Model   string      `json:"model"`
	About   string      `json:"about"` // its sizes, in a clause
	Params  int         `json:"params"`
	Control bool        `json:"control"` // the others are held against it
	Seeds   []StudySeed `json:"seeds"`

	// Over the seeds that finished; Summarise derives them.
	Value     stats.Interval `json:"value"`
	Quartiles Quartiles      `json:"quartiles"`
	P         float64        `json:"p"` // exact two-sided rank-sum test against the control
}

// Quartiles are the quartiles of a sample; the median is the second.
type Quartiles struct {
	Lower  float64 `json:"lower"`
	Median float64 `json:"median"`
	Upper  float64 `json:"upper"`
}

// StudySeed is a model's training under one seed.
type StudySeed struct {
	Seed      uint64    `json:"seed"`
	Value     float64   `json:"value"`      // the metric on held-out episodes
	Episodes  int       `json:"episodes"`   // of training
	Seconds   float64   `json:"seconds"`    // of training
	LearnedAt int       `json:"learned_at"` // episode at which Goal was reached; 0: not
	Extra     []Measure `json:"extra,omitempty"`
	// Status is empty, or one clause on what went wrong. Such a seed stays out of
	// the means.
	Status string   `json:"status,omitempty"`
	Series []Series `json:"series,omitempty" report:"-"` // keys of the JSON of their own

	Curve   []StudyPoint `json:"curve,omitempty"`
	Figures []Figure     `json:"figures,omitempty"`
}

// Finished reports whether the training came to its end.
func (s *StudySeed) Finished() bool { return s.Status == "" }

// StudyPoint is a stretch of a training: means over it.
type StudyPoint struct {
	Episode int     `json:"episode"` // at its end
	Value   float64 `json:"value"`   // the metric in training
	Loss    float64 `json:"loss"`
	// GradNorm is the gradient's norm before the clip.
	GradNorm float64 `json:"grad_norm"`
}

// Measure is a named number beside the metric.
type Measure struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Percent bool    `json:"percent,omitempty"` // a share of one, written as a percentage
	Single  bool    `json:"single,omitempty"`  // about one training, such as the ends of its confidence interval: no column where there are several
	// Key says that the number is a key of the JSON of its own, beside being one of its
	// extra numbers.
	Key bool `json:"key,omitempty" report:"-"`
}

// Series is a named list of numbers.
type Series struct {
	Name   string    `json:"name"` // as a JSON key: "rollouts"
	Values []float64 `json:"values"`
}

// Figure is a picture of what a model has learned: an image, or curves that the page
// draws in the style of its other charts.
type Figure struct {
	Title   string  `json:"title"`
	Caption string  `json:"caption"`                    // whole sentences; what is seen
	File    string  `json:"file,omitempty"`             // a .png, .gif or .svg: its path from the run's folder, with slashes
	Image   []byte  `json:"-"`                          // its content, which the page embeds
	Width   int     `json:"width,omitempty" report:"-"` // as shown, in CSS pixels; 0: as wide as it is
	X       string  `json:"x,omitempty" report:"-"`     // labels of the axes
	Y       string  `json:"y,omitempty" report:"-"`
	Curves  []Curve `json:"curves,omitempty" report:"-"`
}

// Curve is a named line of a figure.
type Curve struct {
	Name string    `json:"name"`
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
	// Events says that Y tells when something happens, 1 or -1, and is 0 when nothing
	// does: that is shown beside the curves, not as one.
	Events bool `json:"events,omitempty"`
}

// Summarise fills what follows from the seeds. Writing a report calls it.
func (s *Study) Summarise() {
	var control []float64
	for i := range s.Models {
		if s.Models[i].Control {
			control = s.Models[i].collect((*StudySeed).value)
		}
	}
	for i := range s.Models {
		a := &s.Models[i]
		values := a.collect((*StudySeed).value)
		a.Value = stats.Summary(values)
		a.Quartiles = quartiles(values)
		a.P = math.NaN()
		if !a.Control && len(values) > 1 && len(control) > 1 {
			a.P = stats.RankSum(values, control)
		}
	}
	s.Pairs = s.pairs()
}

func quartiles(x []float64) Quartiles {
	var q Quartiles
	q.Lower, q.Median, q.Upper = stats.Quartiles(x)
	return q
}

func (s *StudySeed) value() float64 { return s.Value }

// perSecond is no number where there is nothing to learn, as in a grid of settings or a
// net with random weights.
func (s *StudySeed) perSecond() float64 {
	learns := func(p StudyPoint) bool {
		return !math.IsNaN(p.Value) || !math.IsNaN(p.Loss) || !math.IsNaN(p.GradNorm)
	}
	if len(s.Curve) > 0 && !slices.ContainsFunc(s.Curve, learns) {
		return math.NaN()
	}
	return float64(s.Episodes) / s.Seconds
}

// control returns the model that the others are held against, or nil.
func (s *Study) control() *StudyArm {
	for i := range s.Models {
		if s.Models[i].Control {
			return &s.Models[i]
		}
	}
	return nil
}

// best returns the index of the model with the best mean but for that at except, -1
// without one.
func (s *Study) best(except int) int {
	best := -1
	for i, a := range s.Models {
		if i == except || math.IsNaN(a.Value.Mean) {
			continue
		}
		if best < 0 || s.Metric.better(a.Value.Mean, s.Models[best].Value.Mean) {
			best = i
		}
	}
	return best
}

func (m Metric) better(a, b float64) bool {
	if m.Higher {
		return a > b
	}
	return a < b
}

// hues gives each model its look; see huesOf.
func (s *Study) hues() []hue { return huesOf(s.models()) }

// write puts a value of the metric into words.
func (m Metric) write(n notation, v float64) string {
	if m.Percent {
		return n.share(v)
	}
	return n.number(v)
}

// Text writes a value of the metric for a line of progress.
func (m Metric) Text(v float64) string {
	if m.Percent {
		return fmt.Sprintf("%.2f%%", 100*v)
	}
	return fmt.Sprintf("%.4g", v)
}

// interval puts a mean and, if there is one, the half-width of its confidence
// interval into words.
func (m Metric) interval(n notation, v stats.Interval) string {
	if m.Percent {
		return n.shares(v)
	}
	return n.measured(v)
}
