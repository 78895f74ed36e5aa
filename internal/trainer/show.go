package trainer

import (
	"fmt"
	"strconv"
	"time"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/run"
)

// drawEpoch begins an epoch's bar.
func (t *Training) drawEpoch() {
	if t.drawn == t.Epoch {
		return
	}
	t.drawn = t.Epoch
	t.bar = fmt.Sprintf(", epoch %d/%d", t.Epoch, t.epochs())
	t.Draw(t.bar, t.targets(), "tokens")
	t.Bar.Set(t.Tokens)
}

// showStep moves the bar.
func (t *Training) showStep() {
	t.Bar.Describe(fmt.Sprintf("%s%s, loss %.3f", t.Name(), t.bar, t.trainNLL()))
	t.Bar.Set(t.Tokens)
	if t.stepped != nil {
		t.stepped()
	}
}

// showValidated moves the bar of a validation.
func (t *Training) showValidated(done int) {
	t.Bar.Set(done)
	if t.validated != nil {
		t.validated()
	}
}

// showEpoch says what came out of an epoch.
func (t *Training) showEpoch(e Epoch) {
	best := ""
	if e.Best {
		best = "  best"
	}
	t.Log.Printf("%s  epoch %2d/%d  ppl train %8s valid %8s  lr %.4g  %s tokens/s  after %s%s", t.Name(), e.Epoch, t.epochs(),
		ppl(lm.Perplexity(e.TrainNLL)), ppl(lm.Perplexity(e.ValidNLL)), e.LR, progress.Thousands(int(e.TokensPerS)), run.Rounded(time.Since(t.sat).Seconds()), best)
}

// ppl writes a perplexity in a few letters, whatever its size.
func ppl(v float64) string {
	switch {
	case !finite(v):
		return "too large"
	case v < 1e6:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'e', 1, 64)
}
