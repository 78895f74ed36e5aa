package perplexity

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/score"
)

// learn are the flags of the readers that plastic models are held against: they
// learn from the text too, whatever the kind of model.
type learn struct {
	dynamic              bool
	rule, train          string
	rate, decay, epsilon float64
	pointer              bool
	theta, weight        float64
	size                 int
	tune                 bool
	tuneText             string
	tuneTokens           int
}

// The rules of dynamic evaluation, and how many tokens it learns from at a time.
const (
	ruleRMS     = "rms"
	ruleSGD     = "sgd"
	dynamicBPTT = 5
)

// usual are the settings that stand where no flag does, by rule.
var usual = map[string]score.Dynamic{
	ruleRMS: {RMS: true, Rate: 0.001, Decay: 0.005, Epsilon: 0.001},
	ruleSGD: {Rate: 0.2, Decay: 0.001},
}

func (o *learn) register(f *pflag.FlagSet) {
	rms, sgd := usual[ruleRMS], usual[ruleSGD]
	f.BoolVar(&o.dynamic, "dynamic", false, "dynamic evaluation: go on training after every --bptt tokens, 5 unless given, when they have been scored")
	f.StringVar(&o.rule, "dynamic-rule", ruleRMS, "its `rule`: rms, steps scaled by the gradients of the train text; or sgd")
	f.Float64Var(&o.rate, "dynamic-rate", rms.Rate, fmt.Sprintf("its learning `rate` (sgd: default %g)", sgd.Rate))
	f.Float64Var(&o.decay, "dynamic-decay", rms.Decay, fmt.Sprintf("the `share` of the way that the parameters are drawn back to the trained ones at each step (sgd: default %g)", sgd.Decay))
	f.Float64Var(&o.epsilon, "dynamic-epsilon", rms.Epsilon, "what rms adds to the size of gradients that it divides by, a `number` above 0")
	f.StringVar(&o.train, "dynamic-text", "", "the `text` whose gradients rms measures first: a split of the corpus, or a file (default train with --data)")
	f.BoolVar(&o.pointer, "pointer", false, "continuous cache: mix in the words that came when the top layer put out something like now")
	f.Float64Var(&o.theta, "pointer-theta", 0.4, "how sharply it tells likenesses apart, a `number` of at least 0")
	f.Float64Var(&o.weight, "pointer-weight", 0.1, "its `share` of what is predicted, at least 0 and below 1")
	f.IntVar(&o.size, "pointer-size", 1000, "how many `words` it holds")
	f.BoolVar(&o.tune, "tune", false, "look for the best rate and decay, theta and weight on another text first; those given by a flag stay")
	f.StringVar(&o.tuneText, "tune-text", "", "that `text`: a split of the corpus, or a file (default valid with --data)")
	f.IntVar(&o.tuneTokens, "tune-tokens", 0, "how many `tokens` of it, 0 for all (default 10,000 with --dynamic)")
}

func (o *learn) check(f *pflag.FlagSet, text bool, batch int) error {
	for _, flag := range []struct {
		names  []string
		needed bool
		beside string
	}{
		{[]string{"dynamic-rule", "dynamic-rate", "dynamic-decay", "dynamic-epsilon", "dynamic-text"}, o.dynamic, "--dynamic"},
		{[]string{"pointer-theta", "pointer-weight", "pointer-size"}, o.pointer, "--pointer"},
		{[]string{"tune"}, o.dynamic || o.pointer, "--dynamic or --pointer"},
		{[]string{"tune-text", "tune-tokens"}, o.tune, "--tune"},
	} {
		for _, name := range flag.names {
			if f.Changed(name) && !flag.needed {
				return cli.Usagef("--%s: want %s beside it", name, flag.beside)
			}
		}
	}
	number := func(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }
	switch {
	case o.rule != ruleRMS && o.rule != ruleSGD:
		return cli.Usagef("--dynamic-rule: %q is not valid; want rms or sgd", o.rule)
	case !number(o.rate):
		return cli.Usagef("--dynamic-rate: %v is not valid; want a number of at least 0", o.rate)
	case !(o.decay >= 0 && o.decay <= 1):
		return cli.Usagef("--dynamic-decay: %v is not valid; want a share, 0 to 1", o.decay)
	case !(number(o.epsilon) && o.epsilon > 0):
		return cli.Usagef("--dynamic-epsilon: %v is not valid; want a number above 0", o.epsilon)
	case o.rule == ruleSGD && (f.Changed("dynamic-epsilon") || f.Changed("dynamic-text")):
		return cli.Usagef("--dynamic-epsilon and --dynamic-text are of --dynamic-rule rms; want them left out with sgd")
	case o.dynamic && batch > 1:
		return cli.Usagef("--batch: want 1 with --dynamic, for what one stream teaches the others would know")
	case o.dynamic && o.rule == ruleRMS && text && o.train == "":
		return cli.Usagef("--dynamic-text is missing; with --text, --dynamic wants the file of the train text, or --dynamic-rule sgd")
	case !number(o.theta):
		return cli.Usagef("--pointer-theta: %v is not valid; want a number of at least 0", o.theta)
	case !(o.weight >= 0 && o.weight < 1):
		return cli.Usagef("--pointer-weight: %v is not valid; want a share, at least 0 and below 1", o.weight)
	case o.size < 1 || o.size > maxPointer:
		return cli.Usagef("--pointer-size: %d is not valid; want 1 to %d words", o.size, maxPointer)
	case o.tune && text && o.tuneText == "":
		return cli.Usagef("--tune-text is missing; with --text, --tune wants the file of a text to tune on")
	case o.tuneTokens < 0:
		return cli.Usagef("--tune-tokens: %d is not valid; want at least 0", o.tuneTokens)
	}
	if o.dynamic && o.rule == ruleSGD {
		for name, v := range map[string]struct {
			to    *float64
			usual float64
		}{"dynamic-rate": {&o.rate, usual[ruleSGD].Rate}, "dynamic-decay": {&o.decay, usual[ruleSGD].Decay}} {
			if !f.Changed(name) {
				*v.to = v.usual
			}
		}
	}
	if o.dynamic && o.rule == ruleRMS && o.train == "" {
		o.train = "train"
	}
	if o.tune && o.tuneText == "" {
		o.tuneText = "valid"
	}
	if o.tune && o.dynamic && !f.Changed("tune-tokens") {
		o.tuneTokens = 10000
	}
	return nil
}

// maxPointer is how many words a cache may hold.
const maxPointer = 1 << 20

// What --tune tries, where no flag fixes it. Rates and thetas are some factor of two
// apart: what is gained between them is below what another text changes.
var (
	tuneRates = map[string][]float64{
		ruleRMS: {0.0003, 0.0005, 0.001, 0.002, 0.004},
		ruleSGD: {0.05, 0.1, 0.2, 0.4, 0.8},
	}
	tuneDecays = map[string][]float64{
		ruleRMS: {0, 0.002, 0.005, 0.02},
		ruleSGD: {0, 0.001, 0.01},
	}
	tuneThetas  = []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5}
	tuneWeights = []float64{0.02, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6}
)

// tried returns the values of a setting to try: the one given by a flag, or grid.
func tried(f *pflag.FlagSet, name string, value float64, grid []float64) []float64 {
	if f.Changed(name) {
		return []float64{value}
	}
	return grid
}

// reads reads a text by a method, showing progress under a name.
type reads func(name string, tokens []int32, method score.Method[float32]) (score.Losses, error)

// method is how the text is to be scored: nil for the model alone. What it needs of
// other texts, and what --tune finds on another, comes first.
func (o *learn) method(ctx context.Context, f *pflag.FlagSet, m *lm.Model[float32], t *texts, read reads, bar func(name string, total int) (set func(int), clear func())) (score.Method[float32], error) {
	var method score.Method[float32]
	var tuning score.Reader[float32]
	if o.tune {
		text, name, err := t.other(o.tuneText)
		if err != nil {
			return nil, err
		}
		tokens := text.Tokens
		if o.tuneTokens > 0 {
			tokens = tokens[:min(o.tuneTokens, len(tokens))]
		}
		if len(tokens) < 2 {
			return nil, cli.Usagef("--tune-text: %s has %s to tune on; want at least 2", name, progress.Count(len(tokens), "token"))
		}
		tuning = func(method score.Method[float32]) (score.Losses, error) {
			return read("tuning on "+name, tokens, method)
		}
	}
	if o.dynamic {
		var rms [][]float32
		if o.rule == ruleRMS {
			text, name, err := t.other(o.train)
			if err != nil {
				return nil, err
			}
			set, clear := bar("gradients of "+name, len(text.Tokens))
			rms, err = score.GradientRMS(ctx, m, text.Tokens, set)
			clear()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		d := score.Dynamic{RMS: o.rule == ruleRMS, Rate: o.rate, Decay: o.decay, Epsilon: o.epsilon}
		if o.tune {
			var settings []score.Dynamic
			for _, d.Rate = range tried(f, "dynamic-rate", o.rate, tuneRates[o.rule]) {
				for _, d.Decay = range tried(f, "dynamic-decay", o.decay, tuneDecays[o.rule]) {
					settings = append(settings, d)
				}
			}
			trials, err := score.TuneDynamic(tuning, settings, rms)
			if err != nil {
				return nil, err
			}
			d = score.Best(trials).Setting
			o.rate, o.decay = d.Rate, d.Decay
		}
		method = score.Adapt(d, rms)
	}
	if o.pointer {
		c := score.Cache{Theta: o.theta, Weight: o.weight, Size: o.size}
		if o.tune {
			trials, err := score.TuneCache(tuning, method, o.size,
				tried(f, "pointer-theta", o.theta, tuneThetas), tried(f, "pointer-weight", o.weight, tuneWeights))
			if err != nil {
				return nil, err
			}
			c = score.Best(trials).Setting
			o.theta, o.weight = c.Theta, c.Weight
		}
		method = score.Point(c, method)
	}
	return method, nil
}

// learned is what a result says with --json of the readers that learn.
type learned struct {
	Dynamic *dynamicSettings `json:"dynamic,omitempty"`
	Pointer *pointerSettings `json:"pointer,omitempty"`
}

type dynamicSettings struct {
	Rule    string   `json:"rule"`
	Rate    float64  `json:"rate"`
	Decay   float64  `json:"decay"`
	Epsilon *float64 `json:"epsilon,omitempty"` // of rms
}

type pointerSettings struct {
	Theta  float64 `json:"theta"`
	Weight float64 `json:"weight"`
	Size   int     `json:"size"`
}

func (o *learn) settings() (l learned) {
	if o.dynamic {
		l.Dynamic = &dynamicSettings{Rule: o.rule, Rate: o.rate, Decay: o.decay}
		if o.rule == ruleRMS {
			l.Dynamic.Epsilon = &o.epsilon
		}
	}
	if o.pointer {
		l.Pointer = &pointerSettings{o.theta, o.weight, o.size}
	}
	return l
}

// notes say in a result to read how the text was read.
func (o *learn) notes() []string {
	var notes []string
	if o.dynamic {
		s := fmt.Sprintf("dynamic evaluation (%s, rate %g, decay %g", o.rule, o.rate, o.decay)
		if o.rule == ruleRMS {
			s += fmt.Sprintf(", epsilon %g", o.epsilon)
		}
		notes = append(notes, s+")")
	}
	if o.pointer {
		notes = append(notes, fmt.Sprintf("continuous cache (theta %g, weight %g, %s)", o.theta, o.weight, progress.Count(o.size, "word")))
	}
	return notes
}

var learnHelp = strings.TrimSpace(`
--dynamic and --pointer are other ways to learn from a text while it is read, for
any kind of model, to hold plastic ones against: dynamic evaluation goes on
training (Krause et al., arXiv 1709.07432) all but plasticity coefficients that are
0 throughout, the continuous cache points back at words that came in a like place
(Grave et al., arXiv 1612.04426). Both may be given. Neither sees a word before it
is scored. --tune looks for their settings on the validation text first.`)
