// Package perplexity is the eval task that says how well a model predicts a text:
// the text is read once, from a zero state that is carried to its end, the
// parameters stay as they are, and every token but each stream's first is scored.
package perplexity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/score"
)

// options are the flags' values.
type options struct {
	model, data, split, text, cache, precision string
	batch, bptt, threads                       int
	json, quiet, lines                         bool
	traces                                     traces
	learn                                      learn
	memory                                     memory
	flags                                      *pflag.FlagSet // to tell which were given
}

// Command returns the command of the task.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "perplexity --model MODELDIR (--data NAME|DIR [--split S] | --text FILE)",
		Short: "How well a model predicts a text",
		Long: `Read a text once and tell how well the model predicts it: perplexity is e to the
mean negative log-likelihood (nll, in nats) of a token, bpc the bits per
character. The lower, the better; a model that knows nothing has the size of its
vocabulary as perplexity.

The text is encoded by the model's own vocabulary. A word outside it is read as
<unk>, or is an error where the vocabulary has no <unk>. The state is zero at
the start and carried to the end, the traces of a plastic model with it; the
first token is not scored, for nothing comes before it.

The text is read as one stream unless --batch cuts it into several of equal
length, side by side: that is faster, but each of them starts without a past.

` + linesHelp + "\n\n" + tracesHelp + "\n\n" + memoryHelp + "\n\n" + learnHelp,
		Example: `  # the test text of a corpus: a registered set, or a folder with a train, a
  # valid and a test text
  go run ./eval perplexity --model runs/ptb-small-1/modulated-seed1/best --data ptb
  go run ./eval perplexity --model runs/ptb-small-1/modulated-seed1/best --data my/corpus --split valid

  # any text, for a script; sentences one by one, from standard input
  go run ./eval perplexity --model runs/sample-1/lstm-seed1/best --text letters.txt --json
  echo "the rays of light" | go run ./eval perplexity --model runs/sample-1/lstm-seed1/best --text - --lines

  # what the traces are worth
  go run ./eval perplexity --model runs/ptb-small-1/modulated-seed1/best --data ptb --traces mean

  # how far back they reach, and for which words they help
  go run ./eval perplexity --model runs/ptb-small-1/modulated-seed1/best --data ptb --reset-every 100
  go run ./eval perplexity --model runs/ptb-small-1/modulated-seed1/best --data ptb --by frequency,recency

  # what it is held against
  go run ./eval perplexity --model runs/ptb-small-1/lstm-seed1/best --data ptb --pointer --tune`,
		RunE: func(c *cobra.Command, _ []string) error {
			o.flags = c.Flags()
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.model, "model", "", "the model `folder`, such as runs/NAME/lstm-seed1/best")
	f.StringVar(&o.data, "data", "", "the corpus: \"sample\", the `name` of a set under data/sets, a folder, or a single text, cut as train does")
	f.StringVar(&o.split, "split", "test", "the corpus's `text` to read: train, valid or test")
	f.StringVar(&o.text, "text", "", "a text `file` to read instead of a corpus; - is standard input")
	f.BoolVar(&o.lines, "lines", false, "score each line by itself, and print a result for each")
	f.IntVar(&o.batch, "batch", 1, "how many `streams` the text is cut into")
	f.IntVar(&o.bptt, "bptt", 35, "how many `tokens` of a stream are read at a time")
	o.traces.register(f)
	o.memory.register(f)
	o.learn.register(f)
	f.StringVar(&o.cache, "cache", "", "the `folder` for encoded corpora (default: engram in the user's cache folder)")
	f.StringVar(&o.precision, "precision", "", "what the inputs of matrix products are rounded to: `f32 or bf16` (default: the model's own)")
	f.IntVar(&o.threads, "threads", 0, "how many `threads` compute (default: one a core)")
	f.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
	return c
}

// check finds mistakes that need no look at any file.
func (o *options) check() error {
	switch {
	case o.model == "":
		return cli.Usagef("--model is missing; want a model folder, such as runs/NAME/lstm-seed1/best")
	case o.data == "" && o.text == "":
		return cli.Usagef("no text named; want --data NAME|DIR for a corpus, or --text FILE")
	case o.data != "" && o.text != "":
		return cli.Usagef("--data and --text do not go together; want one of them")
	case o.text != "" && o.flags.Changed("split"):
		return cli.Usagef("--split and --text do not go together; --split picks a text of the corpus that --data names")
	case !slices.Contains(data.Splits, o.split):
		return cli.Usagef("--split: %q is not valid; want %s", o.split, strings.Join(data.Splits, ", "))
	case o.lines && o.flags.Changed("batch"):
		return cli.Usagef("--batch and --lines do not go together: each line is a stream of its own")
	case o.lines && (o.memory.every > 0 || len(o.memory.by) > 0):
		return cli.Usagef("--lines does not go with --reset-every or --by: each line starts from a state of zero")
	case o.lines && (o.learn.dynamic || o.learn.pointer):
		return cli.Usagef("--lines does not go with --dynamic or --pointer: what they learn goes from line to line")
	case o.batch < 1:
		return cli.Usagef("--batch: %d is not valid; want at least 1 stream", o.batch)
	case o.bptt < 1:
		return cli.Usagef("--bptt: %d is not valid; want at least 1 token", o.bptt)
	}
	if err := o.traces.check(o.flags, o.text != ""); err != nil {
		return err
	}
	if err := o.memory.check(o.flags, score.Traces(o.traces.mode)); err != nil {
		return err
	}
	if err := o.learn.check(o.flags, o.text != "", o.batch); err != nil {
		return err
	}
	if o.learn.dynamic && !o.flags.Changed("bptt") {
		o.bptt = dynamicBPTT
	}
	return cli.SetThreads(o.threads)
}

func (o *options) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	model, tok, err := lm.Load[float32](o.model)
	if err != nil {
		return err
	}
	if err := model.RoundTo(o.precision); err != nil {
		return &cli.UsageError{Err: fmt.Errorf("--precision: %w", err)}
	}
	if err := errors.Join(o.traces.fits(model, o.model), o.memory.fits(model, o.model)); err != nil {
		return err
	}
	texts := &texts{tok: tok, cache: o.cache, stdin: stdin, stderr: stderr, data: o.data}
	if o.lines {
		return o.runLines(ctx, model, texts, stdout, stderr)
	}
	text, name, err := o.scored(texts)
	if err != nil {
		return err
	}
	if o.flags.Changed("cache") && texts.corpus == nil {
		progress.Say(stderr, "eval: --cache has no effect: a text is encoded anew each time; only corpora are kept")
	}
	texts.endTwice(text, name)
	if _, err := data.NewWindows(text.Tokens, o.batch, o.bptt); err != nil {
		return cli.Usagef("--batch: %w", err)
	}
	losses, err := o.read(ctx, model, texts, text, name)
	if ctx.Err() != nil {
		return &cli.ErrInterrupted{Message: "interrupted before the end of the text, so there is no result; run the same command again"}
	}
	if err != nil {
		return err
	}
	why := untrained
	if o.learn.dynamic {
		why = fmt.Sprintf("dynamic evaluation has led the model astray: want a --dynamic-rate below %g", o.learn.rate)
	}
	r, err := newResult(losses, tok.Characters(score.Targets(text.Tokens, o.batch)), text.Unknown, why)
	if err != nil {
		return err
	}
	r.learned = o.learn.settings()
	r.By = o.memory.groups(text.Tokens, o.batch, losses)
	if o.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	for _, note := range append([]string{o.traces.note(), o.memory.note()}, o.learn.notes()...) {
		if note != "" {
			name += ", " + note
		}
	}
	return errors.Join(r.print(stdout, name, progress.Count(o.batch, "stream")), o.memory.print(stdout, r.By))
}

// read reads the texts that the flags ask for, the one to score last.
func (o *options) read(ctx context.Context, m *lm.Model[float32], t *texts, text *data.Split, name string) (score.Losses, error) {
	warm, err := o.traces.warm(t, o.batch, o.flags.Changed("warm-up-streams"))
	if err != nil {
		return nil, err
	}
	reading := score.Reading{Batch: o.batch, Steps: o.bptt, ResetEvery: o.memory.every, ResetState: o.memory.reset == resetState}
	readers, err := score.Readers(ctx, m, score.Traces(o.traces.mode), warm, reading)
	if err != nil {
		return nil, err
	}
	bar := func(name string, total int) (set func(int), clear func()) {
		b := progress.New(t.stderr, o.quiet, name, total, "tokens")
		return b.Set, b.Clear
	}
	read := func(name string, tokens []int32, method score.Method[float32]) (score.Losses, error) {
		set, clear := bar(name, len(tokens))
		defer clear()
		r := reading
		r.Progress = set
		return score.ReadBy(ctx, readers, tokens, r, method)
	}
	method, err := o.learn.method(ctx, o.flags, readers[0], t, read, bar)
	if err != nil {
		return nil, err
	}
	return read(name, text.Tokens, method)
}
