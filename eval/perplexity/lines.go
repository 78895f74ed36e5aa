package perplexity

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/score"
	"github.com/engram-lm/engram/tokenizer"
)

// lineResult is what --lines prints of a line with --json; the keys are a contract.
type lineResult struct {
	NLL     float64 `json:"nll"`     // of the line, in nats
	Tokens  int     `json:"tokens"`  // its words and its <eos>
	Unknown int64   `json:"unknown"` // words outside the vocabulary
}

const linesHelp = `--lines scores each line by itself, as one sentence: the state is zero at its
beginning, the first word is predicted from <eos>, and its end is scored too; an
empty line is its end alone. There is a result for each line (its nll is the sum over
its tokens), and then the total.`

// runLines scores each line of the text by itself.
func (o *options) runLines(ctx context.Context, model *lm.Model[float32], t *texts, stdout, stderr io.Writer) error {
	lines, name, err := o.linesOf(t)
	if err != nil {
		return err
	}
	eos, _ := t.tok.EOS() // there is one, else no line was encoded
	var tokens [][]int32
	total := 0
	for _, line := range lines {
		tokens = append(tokens, line.Tokens)
		total += len(line.Tokens)
	}
	t.endTwice(&data.Split{Tokens: slices.Concat(tokens...), Lines: int64(len(lines))}, name)
	warm, err := o.traces.warm(t, 1, o.flags.Changed("warm-up-streams"))
	if err != nil {
		return err
	}
	bar := progress.New(stderr, o.quiet, name, total, "tokens")
	reading := score.Reading{Batch: 1, Steps: o.bptt, Progress: bar.Set}
	out := bufio.NewWriter(stdout)
	if !o.json {
		fmt.Fprintf(out, "%6s  %10s  %6s  %7s\n", "line", "nll", "tokens", "unknown")
	}
	var all score.Losses
	var unknown int64
	n := 0
	err = score.Lines(ctx, model, tokens, eos, score.Traces(o.traces.mode), warm, reading, func(losses score.Losses) error {
		r := lineResult{NLL: losses.Mean() * float64(len(losses)), Tokens: len(losses), Unknown: lines[n].Unknown}
		n++
		all, unknown = append(all, losses...), unknown+r.Unknown
		if o.json {
			return json.NewEncoder(out).Encode(r)
		}
		_, err := fmt.Fprintf(out, "%6d  %10.4f  %6d  %7d\n", n, r.NLL, r.Tokens, r.Unknown)
		return err
	})
	bar.Clear()
	if ctx.Err() != nil {
		err = &cli.ErrInterrupted{Message: fmt.Sprintf("interrupted after %d of %s; run the same command again", n, progress.Count(len(lines), "line"))}
	}
	if err != nil {
		return errors.Join(err, out.Flush())
	}
	var characters int64
	for _, line := range tokens {
		characters += t.tok.Characters(line)
	}
	r, err := newResult(all, characters, unknown, untrained)
	if err != nil {
		return errors.Join(err, out.Flush())
	}
	if o.json {
		err = json.NewEncoder(out).Encode(r)
	} else {
		if note := o.traces.note(); note != "" {
			name += ", " + note
		}
		err = r.print(out, name, progress.Count(len(lines), "line")+", each by itself")
	}
	return errors.Join(err, out.Flush())
}

// linesOf returns the lines of the text to score and what to call it.
func (o *options) linesOf(t *texts) ([]tokenizer.Line, string, error) {
	text, path, name, err := o.raw(t)
	if err != nil {
		return nil, "", err
	}
	defer text.Close()
	lines, err := t.tok.EncodeLines(text, path)
	return lines, name, err
}

// raw opens the text to score; errors call it by its path, results by its name.
func (o *options) raw(t *texts) (text io.ReadCloser, path, name string, err error) {
	if o.text != "" {
		text, name, err = t.open(o.text)
		return text, name, name, err
	}
	if err := t.openCorpus(); err != nil {
		return nil, "", "", err
	}
	text, path, err = t.corpus.Text(o.split)
	return text, path, t.corpus.Name + ", " + o.split, err
}
