// Package report turns the results of a training run into report.json,
// report.md, report.html and a table for the terminal.
//
// The caller fills a Report with what was measured; the package derives the rest
// (means and confidence intervals over seeds, comparisons, sentences, charts).
// A number that was not measured is NaN: null in JSON, a dash elsewhere. Nothing
// here reads the clock, so that the same results give the same bytes.
package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/machine"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// Report is a run: one or more arms (models), each trained under one or more
// seeds. Its JSON form is report.json.
type Report struct {
	Command string `json:"command"`
	Version string `json:"version"`
	Data    string `json:"data"`
	Preset  string `json:"preset"`
	Arms    []Arm  `json:"arms"`
	Unknown int    `json:"unknown"` // words of the validation and the test text that are read as <unk>

	Reference string   `json:"reference,omitempty"` // the arm that the others are held against; empty: lstm
	Budget    int      `json:"budget,omitempty"`    // parameters an arm may have at most
	Precision string   `json:"precision,omitempty"` // of the inputs of matrix products: f32 or bf16
	Dataset   Dataset  `json:"dataset"`
	System    System   `json:"system"`
	Config    string   `json:"config,omitempty"` // the run's configuration as YAML
	Notes     []string `json:"notes,omitempty"`  // whole sentences, shown under the table and its chart
}

// Dataset describes the corpus. A zero count is unknown and not shown.
type Dataset struct {
	Vocab       int `json:"vocab,omitempty"`
	TrainTokens int `json:"train_tokens,omitempty"`
	ValidTokens int `json:"valid_tokens,omitempty"`
	TestTokens  int `json:"test_tokens,omitempty"`
	// Words outside the vocabulary, read as <unk>.
	ValidUnknown int    `json:"valid_unknown,omitempty"`
	TestUnknown  int    `json:"test_unknown,omitempty"`
	SourceHash   string `json:"source_hash,omitempty"` // SHA-256 of the text
}

// System describes what the run ran on. Empty fields are not shown.
type System = machine.System

// Arm is one model of the comparison.
type Arm struct {
	Model     string `json:"model"` // what the run calls it
	Kind      string `json:"kind"`  // of model
	Hidden    int    `json:"hidden"`
	Embedding int    `json:"embedding"`
	Params    int    `json:"params"`
	Seeds     []Seed `json:"seeds"`

	// The intervals over the seeds that finished. Summarise derives them; what
	// the caller puts here is overwritten.
	ValidPPL stats.Interval `json:"valid_ppl"`
	TestPPL  stats.Interval `json:"test_ppl"`

	// With the traces standing still, and what they are worth, seed by seed; without a
	// mean where there are no traces.
	TestPPLOff    stats.Interval `json:"test_ppl_off"`
	TestPPLFrozen stats.Interval `json:"test_ppl_frozen"`
	TestPPLMean   stats.Interval `json:"test_ppl_mean"`
	OffMinusOn    stats.Interval `json:"off_minus_on"`
	MeanMinusOn   stats.Interval `json:"mean_minus_on"`

	Versus *Versus `json:"versus,omitempty"` // the reference, where there is one

	Accounting []TensorCount `json:"accounting,omitempty"`
}

// TensorCount is one named parameter tensor of an arm.
type TensorCount struct {
	Name  string `json:"name"` // as in the model folder, such as "layers.0.weight_ih"
	Shape []int  `json:"shape"`
	Count int    `json:"count"`
}

// Done is the status of a seed that trained to its end, as is the empty string.
const Done = "done"

// Seed is one training of an arm.
type Seed struct {
	Seed       uint64  `json:"seed"`
	BestEpoch  int     `json:"best_epoch"`   // of the lowest validation perplexity, counted from 1; 0: none
	ValidPPL   float64 `json:"valid_ppl"`    // at BestEpoch
	TestPPL    float64 `json:"test_ppl"`     // of the parameters of BestEpoch
	TokensPerS float64 `json:"tokens_per_s"` // trained a second, over the whole run

	// TestPPL with the traces off (alpha = 0), standing still at those of the end of
	// the validation text, and at their mean over its streams; NaN without traces.
	TestPPLOff    float64 `json:"test_ppl_off"`
	TestPPLFrozen float64 `json:"test_ppl_frozen"`
	TestPPLMean   float64 `json:"test_ppl_mean"`

	// Status is Done, or one clause on what happened instead ("diverged: NaN in
	// layers.0.alpha at step 812"). A seed that is not done stays out of the means.
	Status string `json:"status,omitempty"`

	Curve   []EpochPoint `json:"curve,omitempty"`
	Steps   []StepPoint  `json:"steps,omitempty"`
	Traces  []LayerTrace `json:"traces,omitempty"`
	Passage *Passage     `json:"passage,omitempty"`
	Sample  string       `json:"sample,omitempty"` // text the model wrote, tokens separated by spaces
}

// Finished reports whether the seed trained to its end.
func (s *Seed) Finished() bool { return s.Status == "" || s.Status == Done }

// EpochPoint is the state of a training at the end of an epoch.
type EpochPoint struct {
	Epoch      int     `json:"epoch"` // counted from 1
	Step       int     `json:"step"`
	TrainNLL   float64 `json:"train_nll"` // nats a token
	ValidPPL   float64 `json:"valid_ppl"`
	LR         float64 `json:"lr"`
	TokensPerS float64 `json:"tokens_per_s"`

	// ValidPPL with the traces off and at their mean over the streams of the train text;
	// 0 without traces.
	ValidPPLOff  float64 `json:"valid_ppl_off,omitempty"`
	ValidPPLMean float64 `json:"valid_ppl_mean,omitempty"`
}

// LayerTrace tells what the Hebbian trace A [B, H, H] of a plastic layer did:
// its state when the validation text has been read with the parameters of
// BestEpoch.
type LayerTrace struct {
	Layer        int     `json:"layer"`          // counted from 0, as in the tensors' names
	MeanAbs      float64 `json:"mean_abs"`       // mean |A|
	AtClip       float64 `json:"at_clip"`        // share of elements at ±clip, 0..1; NaN where nothing clips
	AlphaMeanAbs float64 `json:"alpha_mean_abs"` // mean |alpha|
	EtaMean      float64 `json:"eta_mean"`       // mean trained rate; NaN where M(t) sets it
	RateMeanAbs  float64 `json:"rate_mean_abs"`  // mean |eta|, or |fan-out|; NaN where M(t) itself is the rate

	Epochs []TracePoint `json:"epochs,omitempty"` // the same at the end of each epoch
}

// TracePoint is the state of a layer's trace after the validation of an epoch.
type TracePoint struct {
	Epoch   int     `json:"epoch"`
	MeanAbs float64 `json:"mean_abs"`
	AtClip  float64 `json:"at_clip"`

	AlphaMeanAbs float64 `json:"alpha_mean_abs"` // after the epoch
	RateMeanAbs  float64 `json:"rate_mean_abs"`
}

// Passage is what a model made of a stretch of the test text.
type Passage struct {
	Tokens []string    `json:"tokens"`
	M      [][]float64 `json:"m,omitempty"`   // [L][len(Tokens)] neuromodulator of each layer; none without modulation
	NLL    []float64   `json:"nll,omitempty"` // [len(Tokens)] nats

	Readout bool `json:"readout,omitempty"` // the last of M is a plastic readout's
}

// Summarise fills what follows from the seeds: the intervals of each arm. A
// perplexity below 1, which cannot be (such as a zero never filled in), becomes
// NaN first, as does a speed of zero. Writing a report calls it.
func (r *Report) Summarise() {
	for i := range r.Arms {
		arm := &r.Arms[i]
		for j := range arm.Seeds {
			s := &arm.Seeds[j]
			s.ValidPPL = orNaN(s.ValidPPL, 1)
			for _, v := range []*float64{&s.TestPPL, &s.TestPPLOff, &s.TestPPLFrozen, &s.TestPPLMean} {
				*v = orNaN(*v, 1)
			}
			s.TokensPerS = orNaN(s.TokensPerS, math.SmallestNonzeroFloat64)
		}
		arm.ValidPPL = stats.Summary(arm.collect(validPPL))
		arm.TestPPL = stats.Summary(arm.collect(testPPL))
		arm.TestPPLOff = stats.Summary(arm.collect(testOff))
		arm.TestPPLFrozen = stats.Summary(arm.collect(testFrozen))
		arm.TestPPLMean = stats.Summary(arm.collect(testMean))
		arm.OffMinusOn = stats.Summary(arm.collect(offOn))
		arm.MeanMinusOn = stats.Summary(arm.collect(meanOn))
	}
	for i, v := range r.Versus(r.against()) {
		r.Arms[i].Versus = v
	}
}

// orNaN returns v, or NaN if v is no finite number or below least.
func orNaN(v, least float64) float64 {
	if v >= least && !math.IsInf(v, 0) {
		return v
	}
	return math.NaN()
}

func validPPL(s *Seed) float64   { return s.ValidPPL }
func testPPL(s *Seed) float64    { return s.TestPPL }
func tokensPerS(s *Seed) float64 { return s.TokensPerS }

// seed is a training of either kind of report.
type seed[S any] interface {
	*S
	Finished() bool
}

// collect returns one measure of every seed that finished and has it.
func collect[S any, P seed[S]](seeds []S, measure func(P) float64) (values []float64) {
	for i := range seeds {
		s := P(&seeds[i])
		if v := measure(s); s.Finished() && !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	return values
}

// finished counts the seeds that trained to their end.
func finished[S any, P seed[S]](seeds []S) int {
	return len(collect(seeds, func(P) float64 { return 0 }))
}

// ofSeeds tells how many of the seeds finished: "3", "2 of 3".
func ofSeeds[S any, P seed[S]](seeds []S) string {
	if done := finished[S, P](seeds); done < len(seeds) {
		return fmt.Sprintf("%d of %d", done, len(seeds))
	}
	return progress.Thousands(len(seeds))
}

func (a *Arm) collect(of func(*Seed) float64) []float64           { return collect(a.Seeds, of) }
func (a *Arm) finished() int                                      { return finished(a.Seeds) }
func (a *StudyArm) collect(of func(*StudySeed) float64) []float64 { return collect(a.Seeds, of) }
func (a *StudyArm) finished() int                                 { return finished(a.Seeds) }

// models are the names of the arms.
func (r *Report) models() (names []string) {
	for _, a := range r.Arms {
		names = append(names, a.Model)
	}
	return names
}

// models are the names of the models.
func (s *Study) models() (names []string) {
	for _, a := range s.Models {
		names = append(names, a.Model)
	}
	return names
}

// listed lists numbers, each once, in order of appearance.
func listed(numbers []uint64) string {
	var seen []string
	for _, n := range numbers {
		if text := strconv.FormatUint(n, 10); !slices.Contains(seen, text) {
			seen = append(seen, text)
		}
	}
	return strings.Join(seen, ", ")
}

// shown returns the first seed that finished and satisfies has, or nil. What can
// only be shown for one seed (a sample, a passage) is shown for this one: taking
// the best instead would flatter the arm.
func (a *Arm) shown(has func(*Seed) bool) *Seed {
	for i := range a.Seeds {
		if s := &a.Seeds[i]; s.Finished() && has(s) {
			return s
		}
	}
	return nil
}

// groups are the parts that an arm's parameters divide into, in the order of the
// data's way through the model.
var groups = []string{"embedding", "recurrent", "plasticity", "decoder"}

// group returns the part of the model that a tensor belongs to: plasticity is
// what a standard LSTM does not have.
func group(tensor string) string {
	first, _, _ := strings.Cut(tensor, ".")
	switch {
	case first == "embedding" || first == "decoder":
		return first
	case first == readout || modeldir.RoleOf(tensor) != modeldir.Weights:
		return "plasticity"
	}
	return "recurrent"
}

// divide returns the arm's parameters by group, in the order of groups.
func (a *Arm) divide() []int {
	counts := make([]int, len(groups))
	for _, t := range a.Accounting {
		for i, g := range groups {
			if g == group(t.Name) {
				counts[i] += t.Count
			}
		}
	}
	return counts
}
