// Package generate is the eval task that lets a model write: it continues a
// prompt word by word, and its traces learn from what it writes unless they are
// frozen.
package generate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/tokenizer"
)

// options are the flags' values.
type options struct {
	model, prompt         string
	precision             string
	tokens, topK, threads int
	temperature           float64
	seed                  uint64
	frozen, allowUnk      bool
	json, quiet           bool
}

// Command returns the command of the task.
func Command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "generate --model MODELDIR [--prompt TEXT]",
		Short: "Let a model write",
		Long: `Continue a prompt word by word. Each word is drawn from what the model expects
next: --temperature below 1 favours the likely words, 0 takes the likeliest one
each time, and --top-k leaves out all but the K likeliest. The same seed writes
the same text.

A plastic model's traces go on learning while it writes, so that it takes up what
it has written; --frozen holds them as they are after the prompt.

Only what the model writes is printed, not the prompt; the end of a line is a word
like any other. Prompt words are those of the model's vocabulary (PTB's, for
instance, are lower case); one outside it is read as <unk>, or is an error where
the vocabulary has no <unk>.`,
		Example: `  go run ./eval generate --model runs/sample-1/modulated-seed1/best --prompt "the rays of light"

  # the same prompt with the traces held: what does the plasticity do?
  go run ./eval generate --model runs/sample-1/modulated-seed1/best --prompt "the rays of light" --frozen

  # safer words, another text
  go run ./eval generate --model runs/sample-1/lstm-seed1/best --temperature 0.7 --top-k 40 --seed 2`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.model, "model", "", "the model `folder`, such as runs/NAME/lstm-seed1/best")
	f.StringVar(&o.prompt, "prompt", "", "the `text` to continue (default: the start of a line)")
	f.IntVar(&o.tokens, "tokens", 100, "how many `tokens` to write, ends of lines among them")
	f.Float64Var(&o.temperature, "temperature", 1, "divide the logits by `X`; 0 takes the likeliest word")
	f.IntVar(&o.topK, "top-k", 0, "draw among the `K` likeliest words only (default: all)")
	f.Uint64Var(&o.seed, "seed", 1, "the `seed` of the draws")
	f.BoolVar(&o.frozen, "frozen", false, "hold the traces as they are after the prompt")
	f.BoolVar(&o.allowUnk, "allow-unk", false, "let the model write <unk> too")
	f.StringVar(&o.precision, "precision", "", "what the inputs of matrix products are rounded to: `f32 or bf16` (default: the model's own)")
	f.IntVar(&o.threads, "threads", 0, "how many `threads` compute (default: one a core)")
	f.BoolVar(&o.json, "json", false, "print one JSON object: prompt, text, tokens")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
	return c
}

// check finds mistakes that need no look at any file.
func (o *options) check() error {
	switch {
	case o.model == "":
		return cli.Usagef("--model is missing; want a model folder, such as runs/NAME/lstm-seed1/best")
	case o.tokens < 1:
		return cli.Usagef("--tokens: %d is not valid; want at least 1", o.tokens)
	case !(o.temperature >= 0) || math.IsInf(o.temperature, 0):
		return cli.Usagef("--temperature: %v is not valid; want a number, 0 or above", o.temperature)
	case o.topK < 0:
		return cli.Usagef("--top-k: %d is not valid; want at least 1, or 0 for all words", o.topK)
	}
	return cli.SetThreads(o.threads)
}

func (o *options) run(ctx context.Context, stdout, stderr io.Writer) error {
	model, tok, err := lm.Load[float32](o.model)
	if err != nil {
		return err
	}
	if err := model.RoundTo(o.precision); err != nil {
		return &cli.UsageError{Err: fmt.Errorf("--precision: %w", err)}
	}
	prompt, err := o.encode(tok)
	if err != nil {
		return err
	}
	sampling := lm.Sampling{Temperature: o.temperature, TopK: o.topK, Frozen: o.frozen}
	unknowns := slices.Compact(lm.Unknown(tok)) // one word may be both of them
	if !o.allowUnk {
		sampling.Never = unknowns
	}
	o.warn(stderr, model, tok.Size()-len(sampling.Never), len(unknowns) > 0)
	// Words appear as they are written; a bar is of use where they do not.
	out, quiet := stdout, o.quiet || !o.json && progress.Terminal(stdout)
	var buffer strings.Builder
	if o.json {
		out = &buffer
	}
	bar := progress.New(stderr, quiet, "writing", o.tokens, "tokens")
	text := lm.NewTextWriter(out, tok)
	written := 0
	for id, failed := range model.Generate(prompt, sampling, rng.New(o.seed, "sampling")) {
		if err = failed; err == nil {
			err = text.Word(id)
		}
		if err != nil {
			break
		}
		written++
		bar.Set(written)
		if written == o.tokens || ctx.Err() != nil {
			break
		}
	}
	bar.Clear()
	if !o.json && text.InLine() {
		if ended := text.EndLine(); err == nil {
			err = ended
		}
	}
	switch {
	case err != nil:
		return err
	case written < o.tokens:
		return &cli.ErrInterrupted{Message: fmt.Sprintf("interrupted after %d of %s; the same command writes the same text again", written, progress.Count(o.tokens, "token"))}
	case !o.json:
		return nil
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetEscapeHTML(false) // <unk> as it is
	return encoder.Encode(struct {
		Prompt string `json:"prompt"`
		Text   string `json:"text"`
		Tokens int    `json:"tokens"`
	}{o.prompt, buffer.String(), written})
}

// warn tells of flags that change nothing: words is how many there are to choose from.
func (o *options) warn(stderr io.Writer, m *lm.Model[float32], words int, hasUnknown bool) {
	for _, c := range []struct {
		idle bool
		why  string
	}{
		{o.frozen && !m.HasTraces(), fmt.Sprintf("--frozen has no effect: %s is of kind %s, which has no traces", o.model, m.Config.Model)},
		{o.topK > 0 && o.temperature == 0, "--top-k has no effect: with --temperature 0 the likeliest word is taken"},
		{o.topK >= words && o.temperature > 0, fmt.Sprintf("--top-k %d has no effect: the model has %s to choose from", o.topK, progress.Count(words, "word"))},
		{o.allowUnk && !hasUnknown, "--allow-unk has no effect: the vocabulary has no " + tokenizer.Unknown},
	} {
		if c.idle {
			progress.Say(stderr, "eval: %s", c.why)
		}
	}
}

// encode returns the prompt's tokens.
func (o *options) encode(tok *tokenizer.Tokenizer) ([]int32, error) {
	prompt, err := lm.Prompt(tok, o.prompt)
	if word, ok := errors.AsType[*tokenizer.UnknownWordError](err); ok {
		return nil, cli.Usagef("--prompt: the word %.60q is outside the model's vocabulary, which has no %s to stand for it; want words of %s/tokenizer.json",
			word.Word, tokenizer.Unknown, o.model)
	}
	if err != nil {
		return nil, cli.Usagef("--prompt: %w", err)
	}
	return prompt, nil
}
