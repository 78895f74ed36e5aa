package perplexity

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/score"
)

// result is what is printed with --json; the keys are a contract.
type result struct {
	NLL        float64 `json:"nll"`        // mean over the scored tokens, in nats
	Tokens     int     `json:"tokens"`     // scored
	Perplexity float64 `json:"perplexity"` // e^nll
	BPC        float64 `json:"bpc"`        // bits per character of the scored tokens; see tokenizer.Tokenizer.Characters
	Unknown    int64   `json:"unknown"`    // words of the text outside the vocabulary, read as the unknown word
	learned
	By map[score.By][]group `json:"by,omitempty"` // of --by
}

// untrained is why a result may be beyond numbers, if nothing was learned meanwhile.
const untrained = "the model's parameters are not those of a trained model"

// newResult returns the result of losses; why is what to say if they are beyond numbers.
func newResult(l score.Losses, characters, unknown int64, why string) (result, error) {
	nll := l.Mean()
	r := result{
		NLL:        nll,
		Tokens:     len(l),
		Perplexity: lm.Perplexity(nll),
		BPC:        nll * float64(len(l)) / math.Ln2 / float64(characters),
		Unknown:    unknown,
	}
	switch {
	case math.IsNaN(r.Perplexity):
		return result{}, fmt.Errorf("the mean NLL is not a number; %s", why)
	case math.IsInf(r.Perplexity, 0):
		return result{}, fmt.Errorf("the mean NLL is %.4g nats, and its perplexity too large for a number; %s", nll, why)
	}
	return r, nil
}

// print writes the result of a text by its name, read in a number of streams or lines.
func (r result) print(w io.Writer, name, in string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s scored in %s\n", name, progress.Count(r.Tokens, "token"), in)
	fmt.Fprintf(&b, "  perplexity  %.2f\n", r.Perplexity)
	fmt.Fprintf(&b, "  nll         %.4f nats a token\n", r.NLL)
	fmt.Fprintf(&b, "  bpc         %.4f bits a character\n", r.BPC)
	if r.Unknown > 0 {
		fmt.Fprintf(&b, "  words outside the vocabulary, read as the unknown word: %d\n", r.Unknown)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
