package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// rows are those of three seeds with given gains.
func rows(decomposed, reset, off, lstm, rnn, walk float64) string {
	var b strings.Builder
	for range 3 {
		fmt.Fprintf(&b, `{"model":"decomposed","seed":1,"extra":{"gain":%v,"gain_weights_reset":%v,"gain_no_plasticity":%v,"random_gain":%v,"random_gain_se":0.03}}`+"\n", decomposed, reset, off, walk)
		fmt.Fprintf(&b, `{"model":"lstm","extra":{"gain":%v}}`+"\n"+`{"model":"rnn","extra":{"gain":%v,"none":null}}`+"\n", lstm, rnn)
	}
	return b.String()
}

func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct{ rows, fails string }{
		"holds":      {rows(0.7, 0, 0.05, 0.02, -0.3, 0.03), ""},
		"no gain":    {rows(0.3, 0, 0, 0, 0, 0), "decomposed, modulation after"},
		"reset":      {rows(0.7, 0.2, 0, 0, 0, 0), "weights reset"},
		"off":        {rows(0.7, 0, 0.2, 0, 0, 0), "plasticity off"},
		"lstm":       {rows(0.7, 0, 0, 0.2, 0, 0), "lstm"},
		"rnn":        {rows(0.7, 0, 0, 0, 0.2, 0), "rnn"},
		"walk":       {rows(0.7, 0, 0, 0, 0, -0.05), "random walk"}, // two standard errors of the mean of three: 0.035
		"two seeds":  {strings.Join(strings.Split(rows(0.7, 0, 0, 0, 0, 0), "\n")[:6], "\n"), "2 seeds"},
		"not a row":  {"x", "invalid"},
		"a NaN gain": {strings.Replace(rows(0.7, 0, 0, 0, 0, 0), `"gain":0.7`, `"gain":null`, 1), "2 seeds"},
	} {
		var out bytes.Buffer
		err := verdict(strings.NewReader(c.rows), &out)
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %v, want %q\n%s", name, err, c.fails, &out)
		}
		if holds := strings.Contains(out.String(), "The claim holds."); holds != (err == nil) {
			t.Errorf("%s: prints %q", name, &out)
		}
	}
}
