package score_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/score"
)

// kinds are one model of each kind.
func kinds(t *testing.T, f func(t *testing.T, m *lm.Model[float32])) {
	for _, kind := range modeldir.Models {
		t.Run(kind, func(t *testing.T) {
			f(t, lively[float32](t, kind, "connection", "neuron", "hidden", "clip", kind == modeldir.Plastic))
		})
	}
}

// methods are the ways of reading that learn from what was read, by what should
// make them the model alone and by what should not.
func methods(t *testing.T, m *lm.Model[float32], strength float64) map[string]score.Method[float32] {
	t.Helper()
	rms, err := score.GradientRMS(background, m, text(83, 7), nil)
	must(t, err)
	sgd := score.Adapt[float32](score.Dynamic{Rate: strength, Decay: 0.1}, nil)
	scaled := score.Adapt(score.Dynamic{RMS: true, Rate: strength / 100, Decay: 0.1, Epsilon: 1e-3}, rms)
	cache := score.Cache{Theta: 0.7, Weight: strength / 2, Size: 9}
	return map[string]score.Method[float32]{
		"sgd": sgd, "rms": scaled, "cache": score.Point[float32](cache, nil), "both": score.Point(cache, scaled),
	}
}

func losses(t *testing.T, m *lm.Model[float32], tokens []int32, method score.Method[float32]) score.Losses {
	t.Helper()
	l, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: 4}, method)
	must(t, err)
	return l
}

// With a rate and a weight of 0 every loss is that of the model alone, to the bit,
// and not otherwise; what was read leaves the parameters as they were.
func TestNothingLearnedIsStatic(t *testing.T) {
	tokens := text(39, 1)
	kinds(t, func(t *testing.T, m *lm.Model[float32]) {
		before := m.Tensors()
		for _, precision := range []string{modeldir.BF16, modeldir.F32} {
			must(t, m.RoundTo(precision))
			static := losses(t, m, tokens, nil)
			for name, method := range methods(t, m, 0) {
				if got := losses(t, m, tokens, method); !slices.Equal(got, static) {
					t.Errorf("%s, %s differs from the model alone", precision, name)
				}
			}
		}
		static := losses(t, m, tokens, nil)
		for name, method := range methods(t, m, 0.2) {
			if got := losses(t, m, tokens, method); slices.Equal(got, static) {
				t.Errorf("%s does nothing", name)
			}
		}
		for name, x := range m.Tensors() {
			if !slices.Equal(x, before[name]) {
				t.Errorf("%s is not what it was", name)
			}
		}
	})
}

// What comes later changes nothing of what was predicted before, wherever in a
// window it begins.
func TestFutureIsUnseen(t *testing.T) {
	tokens := text(39, 1)
	kinds(t, func(t *testing.T, m *lm.Model[float32]) {
		all := methods(t, m, 0.2)
		all["static"] = nil
		for name, method := range all {
			want := losses(t, m, tokens, method)
			for _, from := range []int{17, 18, 19, 20, 30} {
				other := slices.Concat(tokens[:from], text(len(tokens)-from, 5))
				other[from] = (tokens[from] + 1) % vocab
				got := losses(t, m, other, method)
				if !slices.Equal(got[:from-1], want[:from-1]) {
					t.Errorf("%s: another text from token %d on changes what came before", name, from)
				}
				if got[from-1] == want[from-1] {
					t.Errorf("%s: another word costs the same", name)
				}
			}
		}
	})
}

// A text that repeats itself is predicted better by a reader that learns from it.
func TestRepeatedText(t *testing.T) {
	var tokens []int32
	for range 60 {
		tokens = append(tokens, text(17, 9)...)
	}
	m, err := lm.New[float32](modeldir.Config{Format: modeldir.Format, Model: modeldir.LSTM, VocabSize: vocab, EmbeddingSize: 8, HiddenSize: 8, NumLayers: 1}, 1)
	must(t, err)
	static := losses(t, m, tokens, nil).Mean()
	rms, err := score.GradientRMS(background, m, text(200, 7), nil)
	must(t, err)
	for name, method := range map[string]score.Method[float32]{
		"sgd":   score.Adapt[float32](score.Dynamic{Rate: 0.5, Decay: 0.001}, nil),
		"rms":   score.Adapt(score.Dynamic{RMS: true, Rate: 0.005, Decay: 0.001, Epsilon: 1e-2}, rms),
		"cache": score.Point[float32](score.Cache{Theta: 2e5, Weight: 0.5, Size: 50}, nil),
	} {
		if got := losses(t, m, tokens, method).Mean(); !(got < static-0.2) {
			t.Errorf("%s: %.3f, the model alone %.3f", name, got, static)
		}
	}
}

// Dynamic evaluation is its equations: gradients by finite differences of the
// losses that the loops of plain give, then the update, then the next window.
func TestDynamicAgainstEquations(t *testing.T) {
	const steps = 3
	tokens, train := text(4*steps+1, 1), text(streams*(statisticsSteps+2), 7)
	for _, kind := range []string{modeldir.LSTM, modeldir.Retroactive} {
		for _, d := range []score.Dynamic{{Rate: 0.3, Decay: 0.1}, {RMS: true, Rate: 0.02, Decay: 0.3, Epsilon: 0.01}} {
			t.Run(fmt.Sprintf("%s/%+v", kind, d), func(t *testing.T) {
				c := modeldir.Config{Format: modeldir.Format, Model: kind, VocabSize: vocab, EmbeddingSize: 2, HiddenSize: 2, NumLayers: 1}
				if kind != modeldir.LSTM {
					c.Plasticity = &modeldir.Plasticity{Alpha: "connection", Rate: "neuron", ModulatorInput: "hidden", Rule: "additive", Clip: 2}
				}
				m, err := lm.New[float64](c, 4)
				must(t, err)
				for _, p := range m.Params { // so that traces matter
					for i := range p.Value {
						p.Value[i] = 3*p.Value[i] + 0.1
					}
				}
				rms, err := score.GradientRMS(background, m, train, nil)
				must(t, err)
				got, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: steps}, score.Adapt(d, rms))
				must(t, err)

				// The statistics: a window of 35 steps and one of 1, the state carried, detached.
				wantRMS := make([][]float64, len(m.Params))
				carried := make([]*plain, streams)
				for b := range carried {
					carried[b] = newPlain(m)
				}
				for _, window := range [][2]int{{0, statisticsSteps}, {statisticsSteps, statisticsSteps + 1}} {
					part := func(b int) []int32 {
						return train[b*(statisticsSteps+2):][window[0] : window[1]+1]
					}
					gradients := numerical(m, func(p *plain) float64 {
						sum := 0.0
						for b := range streams {
							p.layers = cloned(carried[b].layers)
							sum += mean(p.score(part(b))) / streams
						}
						return sum
					})
					for b := range streams {
						carried[b].score(part(b))
					}
					for i, g := range gradients {
						if wantRMS[i] == nil {
							wantRMS[i] = make([]float64, len(g))
						}
						for k, v := range g {
							wantRMS[i][k] += v * v / 2
						}
					}
				}
				average, n := 0.0, 0
				for i := range wantRMS {
					for k := range wantRMS[i] {
						wantRMS[i][k] = math.Sqrt(wantRMS[i][k])
						average += wantRMS[i][k]
						n++
						if !(math.Abs(wantRMS[i][k]-rms[i][k]) <= 1e-7) {
							t.Fatalf("rms of %s[%d] is %v, want %v", m.Params[i].Name, k, rms[i][k], wantRMS[i][k])
						}
					}
				}
				average /= float64(n)

				p := newPlain(m) // of the parameters as they will be
				trained := make([][]float64, len(m.Params))
				for i, q := range m.Params {
					trained[i] = slices.Clone(q.Value)
				}
				var want []float64
				for at := 0; at+1 < len(tokens); at += steps {
					window := tokens[at : at+steps+1]
					before := cloned(p.layers)
					gradients := numerical(m, func(p *plain) float64 {
						p.layers = cloned(before)
						return mean(p.score(window))
					})
					want = append(want, p.score(window)...)
					for i, q := range m.Params {
						for k := range q.Value {
							step, pull := d.Rate*gradients[i][k], d.Decay
							if d.RMS {
								step /= wantRMS[i][k] + d.Epsilon
								pull = min(1, d.Decay*wantRMS[i][k]/average)
							}
							q.Value[k] += pull*(trained[i][k]-q.Value[k]) - step
						}
					}
				}
				for i := range want {
					if !(math.Abs(got[i]-want[i]) <= 1e-6) {
						t.Errorf("target %d costs %.9f, want %.9f", i, got[i], want[i])
					}
				}
			})
		}
	}
}

// The shape of the package's windows for statistics.
const (
	streams         = 20
	statisticsSteps = 35
)

func cloned(layers []plainLayer) []plainLayer {
	copies := slices.Clone(layers)
	for i, l := range copies {
		copies[i] = plainLayer{slices.Clone(l.h), slices.Clone(l.c), slices.Clone(l.hebb), slices.Clone(l.trace)}
	}
	return copies
}

func mean(x []float64) float64 { return score.Losses(x).Mean() }

// numerical is the gradient of loss by central differences, for each parameter of m.
func numerical(m *lm.Model[float64], loss func(*plain) float64) [][]float64 {
	const h = 1e-6
	var all [][]float64
	for _, p := range m.Params {
		g := make([]float64, len(p.Value))
		for i, v := range p.Value {
			p.Value[i] = v + h
			up := loss(newPlain(m))
			p.Value[i] = v - h
			g[i] = (up - loss(newPlain(m))) / (2 * h)
			p.Value[i] = v
		}
		all = append(all, g)
	}
	return all
}

// Without gradients the pull alone takes parameters back: all the way where it is 1.
func TestDrawnBack(t *testing.T) {
	m := lively[float64](t, modeldir.LSTM, "", "", "", "", false)
	tokens := text(25, 1)
	read := func(d score.Dynamic, rms [][]float64, steps int) score.Losses {
		l, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: steps}, score.Adapt(d, rms))
		must(t, err)
		return l
	}
	// A pull of 1 drops the step before; what is left is the step of the window before.
	const steps = 4
	got := read(score.Dynamic{Rate: 0.5, Decay: 1}, nil, steps)
	short := read(score.Dynamic{Rate: 0.5}, nil, steps)
	if !slices.Equal(got[:2*steps], short[:2*steps]) || slices.Equal(got[2*steps:3*steps], short[2*steps:3*steps]) {
		t.Error("a pull of 1 does not start at the trained parameters after each window")
	}
	// By RMS, where it is above the mean by more than 1 / decay, likewise, and nowhere more.
	rms, err := score.GradientRMS(background, m, text(90, 7), nil)
	must(t, err)
	huge := read(score.Dynamic{RMS: true, Rate: 0.02, Decay: 1e9, Epsilon: 0.1}, rms, steps)
	huger := read(score.Dynamic{RMS: true, Rate: 0.02, Decay: 1e12, Epsilon: 0.1}, rms, steps)
	if !slices.Equal(huge, huger) {
		t.Error("the pull is not bounded by 1")
	}
}

// One stream's words must not teach the reader of another that comes before it.
func TestDynamicReadsOneStream(t *testing.T) {
	m := lively[float32](t, modeldir.LSTM, "", "", "", "", false)
	_, err := score.Read(background, m, text(20, 1), score.On, score.WarmUp{}, score.Reading{Batch: 2, Steps: 4}, score.Adapt[float32](score.Dynamic{Rate: 1}, nil))
	if err == nil {
		t.Error("no error for two streams")
	}
}

// A control, whose plasticity coefficients are 0, is adapted as the LSTM that its
// other parameters make: it learns no plasticity from the text.
func TestControlIsAdaptedAsItsLSTM(t *testing.T) {
	tokens, train := text(60, 1), text(200, 7)
	for _, c := range []struct{ kind, alpha string }{
		{modeldir.Plastic, "decomposed"}, {modeldir.Modulated, "connection"}, {modeldir.Retroactive, "neuron"},
	} {
		m := lively[float64](t, c.kind, c.alpha, "connection", "hidden", "clip", false)
		for _, d := range []score.Dynamic{{Rate: 0.3, Decay: 0.1}, {RMS: true, Rate: 0.02, Decay: 0.3, Epsilon: 0.01}} {
			adapted := func(m *lm.Model[float64]) score.Losses {
				rms, err := score.GradientRMS(background, m, train, nil)
				must(t, err)
				l, err := score.Read(background, m, tokens, score.On, score.WarmUp{}, score.Reading{Batch: 1, Steps: 4}, score.Adapt(d, rms))
				must(t, err)
				return l
			}
			control, err := lm.New[float64](m.Config, 1)
			must(t, err)
			for i, p := range control.Params {
				if copy(p.Value, m.Params[i].Value); coefficients(p) {
					clear(p.Value)
				}
			}
			still, err := m.Off()
			must(t, err)
			want, got := adapted(still), adapted(control)
			for i := range want {
				if !(math.Abs(got[i]-want[i]) <= 1e-9) {
					t.Fatalf("%s, alpha by %s, %+v: target %d costs %v, want the LSTM's %v", c.kind, c.alpha, d, i, got[i], want[i])
				}
			}
		}
	}
}

// Coefficients of a layer that are 0 throughout stay so, beside another's that learn.
func TestCoefficientsOfZeroStay(t *testing.T) {
	m := lively[float64](t, modeldir.Modulated, "connection", "connection", "hidden", "clip", false)
	before := map[string][]float64{}
	for _, p := range m.Params {
		if p.Name == "layers.0.alpha" {
			clear(p.Value)
		}
		before[p.Name] = slices.Clone(p.Value)
	}
	reader, err := score.Adapt[float64](score.Dynamic{Rate: 0.3, Decay: 0.1}, nil)(m)
	must(t, err)
	tokens := text(9, 1)
	_, err = reader.Score(tokens[:8], tokens[1:], m.NewState(1))
	must(t, err)
	for _, p := range m.Params {
		if same := slices.Equal(p.Value, before[p.Name]); coefficients(p) && same != (p.Name == "layers.0.alpha") {
			t.Errorf("%s is what it was: %v", p.Name, same)
		}
	}
}

func coefficients[F lm.Float](p *lm.Param[F]) bool {
	return modeldir.RoleOf(p.Name) == modeldir.Coefficients
}

// What training keeps within bounds, such as the share at which a trace or a threshold
// follows, stays there while a reader goes on training.
func TestDynamicKeepsBounds(t *testing.T) {
	for _, c := range []struct{ kind, rule, bounded string }{
		{modeldir.Retroactive, "clip", "trace_rate"}, {modeldir.Plastic, "bcm", "threshold_rate"},
	} {
		m := lively[float32](t, c.kind, "connection", "connection", "hidden", c.rule, false)
		var rates []*lm.Param[float32]
		for _, p := range m.Params {
			if strings.HasSuffix(p.Name, "."+c.bounded) {
				p.Value[0] = 0.5
				rates = append(rates, p)
			}
		}
		reader, err := score.Adapt[float32](score.Dynamic{Rate: 1e6}, nil)(m)
		must(t, err)
		tokens := text(9, 1)
		_, err = reader.Score(tokens[:8], tokens[1:], m.NewState(1))
		must(t, err)
		for _, p := range rates {
			if k := p.Value[0]; k != 0 && k != 1 {
				t.Errorf("%s of %s by %s became %v in a step far out; want 0 or 1", p.Name, c.kind, c.rule, k)
			}
		}
		if len(rates) != m.Config.NumLayers {
			t.Errorf("%d of %s", len(rates), c.bounded)
		}
	}
}
