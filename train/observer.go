package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/trainer"
)

// observer shows how a training goes: a bar within an epoch on a terminal, a
// line at its end anywhere.
type observer struct {
	w      io.Writer
	quiet  bool
	name   string
	epochs int
	bar    *progress.Bar
	what   string
	count  int
	begin  time.Time
}

var _ trainer.Observer = (*observer)(nil)

func newObserver(w io.Writer, quiet bool, label string, seed uint64) *observer {
	return &observer{w: w, quiet: quiet, name: fmt.Sprintf("%s seed %d", label, seed), begin: time.Now()}
}

func (o *observer) say(format string, a ...any) {
	o.bar.Clear()
	if !o.quiet {
		progress.Say(o.w, format, a...)
	}
}

func (o *observer) draw(what string, total int) {
	o.bar.Clear()
	o.what, o.count = what, 0
	o.bar = progress.New(o.w, o.quiet, what, total, "tokens")
}

// EpochStarts begins an epoch's bar.
func (o *observer) EpochStarts(epoch, epochs, tokens, done int) {
	o.epochs = epochs
	o.draw(fmt.Sprintf("%s, epoch %d/%d", o.name, epoch, epochs), tokens)
	o.count = done
	o.bar.Set(done)
}

// Step moves the bar.
func (o *observer) Step(tokens int, nll, _ float64) {
	o.count += tokens
	o.bar.Describe(fmt.Sprintf("%s, loss %.3f", o.what, nll))
	o.bar.Set(o.count)
}

// Validating begins the validation's bar.
func (o *observer) Validating(tokens int) { o.scoring("validation", tokens) }

func (o *observer) scoring(what string, tokens int) { o.draw(o.name+", "+what, tokens) }

// Validated moves it.
func (o *observer) Validated(done int) { o.bar.Set(done) }

// EpochEnds says what came out of an epoch.
func (o *observer) EpochEnds(e trainer.Epoch) {
	best := ""
	if e.Best {
		best = "  best"
	}
	o.say("%s  epoch %2d/%d  ppl train %8s valid %8s  lr %.4g  %s tokens/s  after %s%s", o.name, e.Epoch, o.epochs,
		ppl(lm.Perplexity(e.TrainNLL)), ppl(lm.Perplexity(e.ValidNLL)), e.LR, thousands(int(e.TokensPerS)), rounded(time.Since(o.begin)), best)
}

func (o *observer) done(r *result) {
	o.say("%s  best epoch %d: valid ppl %s, test ppl %s (one stream)", o.name, r.Outcome.BestEpoch, ppl(perplexity(r.ValidNLL)), ppl(perplexity(r.TestNLL)))
}

// ppl writes a perplexity in a few letters, whatever its size.
func ppl(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "too large"
	case v < 1e6:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'e', 1, 64)
}

// Warn says what was mended, even where nothing but results and errors is wanted.
func (o *observer) Warn(message string) {
	o.bar.Clear()
	progress.Say(o.w, "train: %s", message)
}

func (o *observer) close() { o.bar.Clear() }

// thousands writes a count with separators.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rounded writes a duration to two places or so.
func rounded(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
