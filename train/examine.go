package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/run"
	"github.com/engram-lm/engram/internal/score"
	"github.com/engram-lm/engram/internal/trainer"
	"github.com/engram-lm/engram/tokenizer"
)

// How the best model of a training is looked at. The perplexities of the report
// are those of eval perplexity with its defaults: one stream, windows of 35.
const (
	scoreBatch    = 1
	scoreBPTT     = 35
	passageTokens = 120
	sampleTokens  = 80
)

// score reads the validation and the test text with the best model of a finished
// training, the latter also with the traces standing still, as eval perplexity
// --traces does.
func (p *plan) score(ctx context.Context, h *run.Host, out *trainer.Outcome) error {
	m, _, err := lm.Load[float32](filepath.Join(h.Dir, "best"))
	if err != nil {
		return err
	}
	for _, text := range []struct {
		name string
		nll  **float64
	}{{"valid", &out.ValidNLL}, {"test", &out.TestNLL}} {
		tokens := p.splits[text.name].Tokens
		h.Draw(", scoring the "+text.name+" text", len(tokens), "tokens")
		e, err := m.Evaluate(ctx, tokens, scoreBatch, scoreBPTT, h.Bar.Set)
		if err != nil {
			return err
		}
		*text.nll = finite(e.NLL)
	}
	if !m.HasTraces() {
		return nil
	}
	tokens := p.splits["test"].Tokens
	warm := score.WarmUp{Tokens: p.splits["valid"].Tokens, Streams: score.MeanStreams}
	for _, still := range []struct {
		traces score.Traces
		nll    **float64
	}{{score.Off, &out.TestNLLOff}, {score.Frozen, &out.TestNLLFrozen}, {score.Mean, &out.TestNLLMean}} {
		if still.traces == score.Mean && !m.HasMean() {
			continue
		}
		h.Draw(fmt.Sprintf(", scoring the test text, traces %s", still.traces), len(tokens), "tokens")
		losses, err := score.Read(ctx, m, tokens, still.traces, warm, score.Reading{Batch: scoreBatch, Steps: scoreBPTT, Progress: h.Bar.Set}, nil)
		if err != nil {
			return err
		}
		*still.nll = finite(losses.Mean())
	}
	return nil
}

// finite returns v, nil if it is no finite number.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// description is what describe says.
type description struct {
	report.Seed
	ends error // why the sample is shorter than it should be
}

// describe says more of a finished training than a table does: what the traces and
// the neuromodulator of its best model do and what it writes.
func (p *plan) describe(j *run.Job, out *trainer.Outcome, s *description) error {
	m, tok, err := lm.Load[float32](filepath.Join(p.run.JobDir(j), "best"))
	if err != nil {
		return err
	}
	s.Traces = layerTraces(m, out)
	if s.Passage, err = p.passage(m); err != nil {
		return err
	}
	s.Sample, s.ends = sample(m, tok, j.Seed)
	return nil
}

// sample lets the model write, its traces learning, from the start of a line. With
// an error it returns what was written until then.
func sample(m *lm.Model[float32], tok *tokenizer.Tokenizer, seed uint64) (string, error) {
	prompt, err := lm.Prompt(tok, "")
	if err != nil {
		return "", nil // a corpus of one line has no start to write from
	}
	sampling := lm.Sampling{Temperature: 0.9, TopK: 50}
	if unk, ok := tok.Unknown(); ok {
		sampling.Never = []int32{unk}
	}
	var words []string
	for id, err := range m.Generate(prompt, sampling, rng.New(seed, "sampling")) {
		if err != nil {
			return strings.Join(words, " "), err
		}
		if words = append(words, tok.Token(id)); len(words) == sampleTokens {
			break
		}
	}
	return strings.Join(words, " "), nil
}

// layerTraces collects what the traces did over the epochs.
func layerTraces(m *lm.Model[float32], out *trainer.Outcome) []report.LayerTrace {
	q := m.Config.Plasticity
	if q == nil {
		return nil
	}
	var layers []report.LayerTrace
	for l := range m.Config.NumLayers {
		t := report.LayerTrace{Layer: l, AtClip: math.NaN(), EtaMean: math.NaN(), RateMeanAbs: math.NaN()}
		t.AlphaMeanAbs = meanAbs(m.Layer(l, "alpha"))
		if eta := m.Layer(l, "eta"); eta != nil {
			t.EtaMean = mean(eta)
		}
		for _, e := range out.Epochs {
			if l >= len(e.Traces) {
				continue // a result from elsewhere
			}
			point := report.TracePoint{Epoch: e.Epoch, MeanAbs: e.Traces[l].MeanAbs, AtClip: e.Traces[l].AtClip,
				AlphaMeanAbs: e.Traces[l].AlphaMeanAbs, RateMeanAbs: math.NaN()}
			if rate := e.Traces[l].RateMeanAbs; rate != nil {
				point.RateMeanAbs = *rate
			}
			if q.Rule == "additive" {
				point.AtClip = math.NaN()
			}
			t.Epochs = append(t.Epochs, point)
			if e.Epoch == out.BestEpoch {
				t.MeanAbs, t.AtClip, t.RateMeanAbs = point.MeanAbs, point.AtClip, point.RateMeanAbs
			}
		}
		layers = append(layers, t)
	}
	return layers
}

func mean(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return sum / float64(len(x))
}

func meanAbs(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Abs(float64(v))
	}
	return sum / float64(len(x))
}

// passage reads the beginning of the test text, after the end of the
// validation text has warmed the traces up, and records each token's NLL and
// what the neuromodulators said when it was read.
func (p *plan) passage(m *lm.Model[float32]) (*report.Passage, error) {
	valid, test := p.splits["valid"].Tokens, p.splits["test"].Tokens
	n := min(passageTokens, len(test))
	text := append(append([]int32{}, valid[max(0, len(valid)-2000):]...), test[:n]...)
	warm := len(text) - n
	out := &report.Passage{Readout: m.Config.Memory != nil}
	state := m.NewState(1)
	for i := range text {
		if i == len(text)-1 {
			break
		}
		nll, err := m.Score(text[i:i+1], text[i+1:i+2], state)
		if err != nil {
			return nil, err
		}
		if i+1 < warm {
			continue
		}
		// The modulator of a token speaks when it is read, a step after its NLL.
		out.Tokens = append(out.Tokens, p.corpus.Tokenizer.Token(text[i+1]))
		out.NLL = append(out.NLL, nll[0])
		if i < warm {
			continue
		}
		out.M = appendModulation(out.M, m.Modulation())
	}
	if len(out.M) > 0 { // the last token is scored but not read
		last := len(out.M[0])
		out.Tokens, out.NLL = out.Tokens[:last], out.NLL[:last]
	}
	return out, nil
}

// appendModulation appends what each layer's modulator said in a window of one token.
func appendModulation(m [][]float64, said [][]float32) [][]float64 {
	for l, v := range said {
		if len(m) <= l {
			m = append(m, nil)
		}
		if len(v) > 0 {
			m[l] = append(m[l], float64(v[0]))
		}
	}
	return m
}
