package score_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/score"
)

var background = context.Background()

const vocab = 11

// lively returns a model whose parameters are large enough for all of them, and
// the clip, to matter.
func lively[F lm.Float](t testing.TB, kind, alpha, rate, input, rule string, tie bool) *lm.Model[F] {
	t.Helper()
	c := modeldir.Config{Format: modeldir.Format, Model: kind, VocabSize: vocab, EmbeddingSize: 4, HiddenSize: 5, NumLayers: 2, TieWeights: tie}
	switch kind {
	case modeldir.LSTM:
	case modeldir.Readout:
		c.Memory = &modeldir.Memory{KeySize: 3, Slots: 7}
	default:
		c.Plasticity = &modeldir.Plasticity{Alpha: alpha, Rate: rate, ModulatorInput: input, Rule: rule, Clip: 0.4}
	}
	m, err := lm.New[F](c, 1)
	must(t, err)
	r := rng.New(3, "test")
	for _, p := range m.Params {
		for i := range p.Value {
			p.Value[i] = F(r.Uniform(-0.7, 0.7))
		}
	}
	return m
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(n int, seed uint64) []int32 {
	r := rng.New(seed, "text")
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(r.Float64() * vocab)
	}
	return tokens
}

// held are the models that are held against plain: each choice of a plastic layer
// stands in at least one.
func held(t *testing.T, f func(t *testing.T, m *lm.Model[float64])) {
	for _, c := range []struct {
		kind, alpha, rate, input, rule string
		tie                            bool
	}{
		{modeldir.Plastic, "connection", "connection", "hidden", "clip", false},
		{modeldir.Plastic, "neuron", "layer", "hidden", "oja", true},
		{modeldir.Plastic, "layer", "neuron", "hidden", "decay", false},
		{modeldir.Modulated, "neuron", "neuron", "cell", "clip", false},
		{modeldir.Modulated, "connection", "layer", "previous_hidden", "additive", true},
		{modeldir.Modulated, "layer", "connection", "hidden", "decay", false},
		{modeldir.Retroactive, "connection", "neuron", "hidden", "clip", false},
		{modeldir.Retroactive, "neuron", "connection", "previous_hidden", "additive", false},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s/%s/%s/%v", c.kind, c.alpha, c.rate, c.input, c.rule, c.tie), func(t *testing.T) {
			f(t, lively[float64](t, c.kind, c.alpha, c.rate, c.input, c.rule, c.tie))
		})
	}
}

// What traces may do is what the equations say, in one stream and in several,
// whatever the window.
func TestTracesAgainstEquations(t *testing.T) {
	tokens, warm := text(41, 1), text(50, 2)
	held(t, func(t *testing.T, m *lm.Model[float64]) {
		for _, r := range []score.Reading{{Batch: 1, Steps: 7}, {Batch: 3, Steps: 5}} {
			for _, mode := range score.AllTraces {
				got, err := score.Read(background, m, tokens, mode, score.WarmUp{Tokens: warm, Streams: 4}, r, nil)
				must(t, err)
				want := byEquations(m, mode, tokens, warm, r.Batch, 4)
				if len(got) != len(want) || len(got) != len(score.Targets(tokens, r.Batch)) {
					t.Fatalf("%s, %d streams: %d losses, want %d", mode, r.Batch, len(got), len(want))
				}
				for i := range got {
					if !(math.Abs(got[i]-want[i]) <= 1e-12*math.Abs(want[i])) {
						t.Fatalf("%s, %d streams: target %d costs %.15f, want %.15f", mode, r.Batch, i, got[i], want[i])
					}
				}
			}
		}
	})
}

// byEquations are the losses of tokens in batch streams.
func byEquations(m *lm.Model[float64], mode score.Traces, tokens, warm []int32, batch, streams int) []float64 {
	mean := newPlain(m)
	for s := range streams {
		p := newPlain(m)
		for _, token := range warm[s*(len(warm)/streams):][:len(warm)/streams] {
			p.read(token)
		}
		for l := range p.layers {
			for c, a := range p.layers[l].hebb {
				mean.layers[l].hebb[c] += a / float64(streams)
			}
		}
	}
	var all []float64
	for b := range batch {
		p := newPlain(m)
		switch mode {
		case score.Off:
			p.still = true
		case score.Frozen:
			for _, token := range warm[b*(len(warm)/batch):][:len(warm)/batch] {
				p.read(token)
			}
			p.forget()
			p.still = true
		case score.Mean:
			p = mean
			p.forget()
			p.still = true
		}
		all = append(all, p.score(tokens[b*(len(tokens)/batch):][:len(tokens)/batch])...)
	}
	return all
}

// All four differ where traces matter, so that no two are mistaken for each other.
func TestTracesDiffer(t *testing.T) {
	m := lively[float64](t, modeldir.Modulated, "neuron", "neuron", "hidden", "clip", false)
	seen := map[score.Traces]float64{}
	for _, mode := range score.AllTraces {
		l, err := score.Read(background, m, text(60, 1), mode, score.WarmUp{Tokens: text(60, 2), Streams: 5}, score.Reading{Batch: 1, Steps: 9}, nil)
		must(t, err)
		for other, v := range seen {
			if math.Abs(v-l.Mean()) < 1e-6 {
				t.Errorf("%s and %s both give %.9f", mode, other, v)
			}
		}
		seen[mode] = l.Mean()
	}
}

// A standard LSTM has no traces to switch off.
func TestNoTraces(t *testing.T) {
	m := lively[float32](t, modeldir.LSTM, "", "", "", "", false)
	for _, mode := range score.AllTraces[1:] {
		if _, err := score.Read(background, m, text(20, 1), mode, score.WarmUp{Tokens: text(20, 2), Streams: 2}, score.Reading{Batch: 1, Steps: 5}, nil); err == nil {
			t.Errorf("%s: no error", mode)
		}
	}
}

// In one stream the losses are those of lm.Evaluate, to the bit.
func TestReadIsEvaluate(t *testing.T) {
	m := lively[float32](t, modeldir.Retroactive, "neuron", "connection", "hidden", "clip", false)
	tokens := text(47, 1)
	want, err := m.Evaluate(background, tokens, 1, 6, nil)
	must(t, err)
	got, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: 6}, nil)
	must(t, err)
	if got.Mean() != want.NLL || len(got) != want.Tokens {
		t.Errorf("%v over %d, want %v over %d", got.Mean(), len(got), want.NLL, want.Tokens)
	}
}
