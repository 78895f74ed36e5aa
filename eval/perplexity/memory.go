package perplexity

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/score"
)

// memory are the flags that show what a model's memory reaches and where it helps.
type memory struct {
	every int
	reset string
	by    []string
}

// What is reset.
const (
	resetTraces = "traces"
	resetState  = "state"
)

func (o *memory) register(f *pflag.FlagSet) {
	f.IntVar(&o.every, "reset-every", 0, "put the traces back to zero after every so many `tokens` of a stream: what is left shows how far back they reach")
	f.StringVar(&o.reset, "reset", resetTraces, "what --reset-every puts back: the `traces`, or the whole state, h and c too")
	f.StringSliceVar(&o.by, "by", nil, "show the perplexity of words by `number`, one or more of position (in their stream), frequency (how often seen before), recency (how many words ago)")
}

func (o *memory) check(f *pflag.FlagSet, traces score.Traces) error {
	for i, by := range o.by {
		if !slices.Contains(score.AllBy, score.By(by)) || slices.Contains(o.by[:i], by) {
			return cli.Usagef("--by: %q is not valid; want position, frequency, recency, each at most once", by)
		}
	}
	switch {
	case f.Changed("reset-every") && o.every < 1:
		return cli.Usagef("--reset-every: %d is not valid; want at least 1 token", o.every)
	case o.reset != resetTraces && o.reset != resetState:
		return cli.Usagef("--reset: %q is not valid; want traces or state", o.reset)
	case f.Changed("reset") && o.every == 0:
		return cli.Usagef("--reset: want --reset-every beside it")
	case o.every > 0 && o.reset == resetTraces && traces != score.On:
		return cli.Usagef("--reset-every: traces that stand still have nothing to put back; want --traces on, or --reset state")
	}
	return nil
}

// fits refuses what a model without traces cannot do.
func (o *memory) fits(m *lm.Model[float32], dir string) error {
	if o.every == 0 || o.reset == resetState || m.HasTraces() {
		return nil
	}
	return cli.Usagef("--reset-every: %s is of kind %s, which has no traces to put back; want --reset state beside it, or a plastic model", dir, m.Config.Model)
}

// group is what --json says of words that --by has put together.
type group struct {
	score.Group
	Perplexity float64 `json:"perplexity"`
}

// groups divides what was scored as --by says.
func (o *memory) groups(tokens []int32, batch int, losses score.Losses) map[score.By][]group {
	all := map[score.By][]group{}
	for _, by := range o.by {
		for _, g := range score.Groups(score.By(by), tokens, batch, losses) {
			all[score.By(by)] = append(all[score.By(by)], group{g, lm.Perplexity(g.NLL)})
		}
	}
	return all
}

// heads are what the groups of each kind are called in a result to read.
var heads = map[score.By]string{
	score.Position:  "position in the stream",
	score.Frequency: "seen before, times",
	score.Recency:   "seen before, words ago",
}

func (o *memory) print(w io.Writer, groups map[score.By][]group) error {
	var b strings.Builder
	for _, by := range o.by {
		fmt.Fprintf(&b, "\n%-24s  %9s  %12s  %8s\n", heads[score.By(by)], "tokens", "perplexity", "nll")
		for _, g := range groups[score.By(by)] {
			fmt.Fprintf(&b, "%-24s  %9d  %12.2f  %8.4f\n", interval(g.From, g.To), g.Tokens, g.Perplexity, g.NLL)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func interval(from, to int) string {
	switch {
	case from == 0:
		return "never"
	case from == to:
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d to %d", from, to)
}

// note says in a result to read what was reset; "" if nothing was.
func (o *memory) note() string {
	if o.every == 0 {
		return ""
	}
	return fmt.Sprintf("%s reset every %s", o.reset, strings.TrimPrefix(progress.Count(o.every, "token"), "1 "))
}

var memoryHelp = strings.TrimSpace(`
--reset-every and --by show what a memory reaches and where it helps: perplexity
with the traces back at zero after every so many words, and of words by where they
stand, how often they were seen before and how long ago.`)
