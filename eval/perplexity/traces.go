package perplexity

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/score"
)

// traces are the flags that say what the traces of a plastic model do.
type traces struct {
	mode    string
	warmUp  string
	streams int
}

func (o *traces) register(f *pflag.FlagSet) {
	f.StringVar(&o.mode, "traces", string(score.On), "what the traces of a plastic model do: `on`, off, frozen or mean")
	f.StringVar(&o.warmUp, "warm-up", "", "the `text` that is read, unscored, before frozen or mean traces stand still: a split of the corpus, or a file (default valid with --data)")
	f.IntVar(&o.streams, "warm-up-streams", score.MeanStreams, "how many `streams` of it the mean is taken over")
}

// stillUsage is why a flag of the warm-up text is refused.
const stillUsage = "want --traces frozen or mean beside it: no other reads a text before the one it scores"

func (o *traces) check(flags *pflag.FlagSet, text bool) error {
	mode := score.Traces(o.mode)
	still := mode == score.Frozen || mode == score.Mean
	switch {
	case !slices.Contains(score.AllTraces, mode):
		return cli.Usagef("--traces: %q is not valid; want on, off, frozen or mean", o.mode)
	case flags.Changed("warm-up") && !still:
		return cli.Usagef("--warm-up: %s", stillUsage)
	case flags.Changed("warm-up-streams") && mode != score.Mean:
		return cli.Usagef("--warm-up-streams: want --traces mean beside it: frozen traces are those of as many streams as --batch says")
	case o.streams < 1:
		return cli.Usagef("--warm-up-streams: %d is not valid; want at least 1 stream", o.streams)
	case still && text && o.warmUp == "":
		return cli.Usagef("--warm-up is missing; with --text, --traces %s wants the file of a text that is read before, unscored", o.mode)
	}
	if still && o.warmUp == "" {
		o.warmUp = "valid"
	}
	return nil
}

// fits refuses what a model without traces cannot do.
func (o *traces) fits(m *lm.Model[float32], dir string) error {
	switch mode := score.Traces(o.mode); {
	case mode == score.Mean && m.HasTraces() && !m.HasMean():
		return cli.Usagef("--traces mean: %s is of kind %s, whose memory has no mean over streams; want --traces on, off or frozen", dir, m.Config.Model)
	case mode == score.On || m.HasTraces():
		return nil
	}
	return cli.Usagef("--traces %s: %s is of kind %s, which has no traces; want --traces on, or a plastic model", o.mode, dir, m.Config.Model)
}

// warm reads the warm-up text, if there is one. Streams that were not asked for are
// no more than it has words for.
func (o *traces) warm(t *texts, batch int, asked bool) (score.WarmUp, error) {
	if o.warmUp == "" {
		return score.WarmUp{}, nil
	}
	text, name, err := t.other(o.warmUp)
	if err != nil {
		return score.WarmUp{}, err
	}
	n := len(text.Tokens)
	switch mode := score.Traces(o.mode); {
	case mode == score.Frozen && n < batch:
		return score.WarmUp{}, cli.Usagef("--batch: %s has %d tokens, too few for %d streams; want at most %d", name, n, batch, n)
	case mode == score.Mean && asked && n < o.streams:
		return score.WarmUp{}, cli.Usagef("--warm-up-streams: %s has %d tokens, too few for %d streams; want at most %d", name, n, o.streams, n)
	}
	return score.WarmUp{Tokens: text.Tokens, Streams: o.streams}, nil
}

// note says in a result to read what the traces did; "" if they were on.
func (o *traces) note() string {
	return map[score.Traces]string{
		score.Off:    "traces off",
		score.Frozen: "traces frozen after " + o.warmUp,
		score.Mean:   "traces at their mean after " + o.warmUp,
	}[score.Traces(o.mode)]
}

var tracesHelp = strings.TrimSpace(`
--traces says what the traces of a plastic model do. On, they learn as they did in
training. Off, alpha is 0. Frozen, a warm-up text is read first, unscored, in which
they learn; then h and c start at zero and the traces stand still. Mean, they stand
still at their average over 20 streams at the end of the warm-up text: a constant
weight by another name. What is learned while reading is worth the difference
between mean and on, not that between off and on. The memory of a plastic readout
is such a trace, but has no mean; off, the model is the LSTM below it.`)
