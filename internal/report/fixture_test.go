package report

import (
	"fmt"
	"math"
	"strings"
)

// fourArms is a report of the four models under three seeds, with everything a
// report can show. Its numbers are made up, of the size that PTB gives.
func fourArms() *Report {
	r := &Report{
		Command: "go run ./train --preset ptb-small --seeds 3 --models lstm,plastic,modulated,retroactive",
		Version: "0.1.0", Data: "ptb", Preset: "ptb-small", Budget: 4812004,
		Dataset: Dataset{Vocab: 10000, TrainTokens: 929589, ValidTokens: 73760, TestTokens: 82430, SourceHash: strings.Repeat("0123456789abcdef", 4)},
		System:  System{Go: "go1.26.8", OS: "linux", Arch: "amd64", CPU: "Example 9000", Kernel: "avx512", Threads: 2},
		Config:  "model: lstm\nlr: 20\nclip_norm: 0.25\n",
	}
	for i, m := range []struct {
		model          string
		hidden, params int
		ppl            float64
		speed          float64
	}{
		{"lstm", 206, 4810624, 104.26, 41200},
		{"plastic", 200, 4811600, 103.80, 9800},
		{"modulated", 200, 4812002, 102.65, 8650},
		{"retroactive", 200, 4812004, 102.48, 7900},
	} {
		arm := Arm{Model: m.model, Hidden: m.hidden, Embedding: m.hidden, Params: m.params, Accounting: accounting(m.model, m.hidden)}
		for seed := 1; seed <= 3; seed++ {
			offset := []float64{-0.14, 0.03, 0.11}[(seed+i)%3]
			s := Seed{Seed: uint64(seed), BestEpoch: 13, ValidPPL: m.ppl + 4.1 + offset, TestPPL: m.ppl + offset, TokensPerS: m.speed + 10*offset}
			for e := 1; e <= 13; e++ {
				s.Curve = append(s.Curve, EpochPoint{Epoch: e, Step: 2323 * e, LR: 20, TokensPerS: m.speed,
					ValidPPL: s.ValidPPL * (1 + 0.75*math.Exp(-float64(e-1)/2.2) + 0.02*offset*float64(13-e)),
					TrainNLL: math.Log(s.ValidPPL)})
			}
			if m.model != "lstm" {
				s.Traces = traces(m.model, i, offset)
				s.TestPPLOff, s.TestPPLFrozen, s.TestPPLMean = s.TestPPL+4+offset, s.TestPPL+6, s.TestPPL+0.8*float64(i-1)+offset/5
				for e := range s.Curve {
					c := &s.Curve[e]
					c.ValidPPLOff, c.ValidPPLMean = c.ValidPPL+0.3*float64(e)+offset, c.ValidPPL+0.06*float64(e*(i-1))-0.05
				}
			}
			if i >= 2 {
				s.Passage = passage(i)
			}
			s.Sample = "the company said it will sell its <unk> unit for $ N million <eos> mr. <unk> declined to comment on the <b>offer</b> <eos> in new york stock exchange composite trading yesterday the shares closed at $ N"
			arm.Seeds = append(arm.Seeds, s)
		}
		r.Arms = append(r.Arms, arm)
	}
	return r
}

// oneSeed is the smallest report: an LSTM under one seed, one epoch.
func oneSeed() *Report {
	return &Report{
		Command: "go run ./train --models lstm --epochs 1", Version: "0.1.0", Data: "sample", Preset: "sample",
		Arms: []Arm{{Model: "lstm", Hidden: 64, Embedding: 64, Params: 1000, Seeds: []Seed{
			{Seed: 1, BestEpoch: 1, ValidPPL: 187.4, TestPPL: 180.25, TokensPerS: 52000,
				Curve: []EpochPoint{{Epoch: 1, Step: 100, TrainNLL: 5.6, ValidPPL: 187.4, LR: 20, TokensPerS: 52000}}}}}},
	}
}

// accounting lists the tensors of a model of two layers over 10,000 words.
func accounting(model string, h int) []TensorCount {
	var tensors []TensorCount
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		tensors = append(tensors, TensorCount{name, shape, n})
	}
	add("embedding.weight", 10000, h)
	for l := range 2 {
		prefix := fmt.Sprintf("layers.%d.", l)
		add(prefix+"weight_ih", 4*h, h)
		add(prefix+"weight_hh", 4*h, h)
		add(prefix+"bias", 4*h)
		if model == "lstm" {
			continue
		}
		add(prefix+"alpha", h, h)
		if model == "plastic" {
			add(prefix+"eta", h, h)
			continue
		}
		add(prefix+"modulator.weight", h)
		add(prefix+"modulator.bias", 1)
		add(prefix+"fanout.weight", h, h)
		if model == "retroactive" {
			add(prefix+"trace_rate", 1)
		}
	}
	add("decoder.weight", 10000, h)
	add("decoder.bias", 10000)
	return tensors
}

func traces(model string, i int, offset float64) []LayerTrace {
	var all []LayerTrace
	for l := range 2 {
		t := LayerTrace{Layer: l, MeanAbs: 0.21*float64(i) + 0.1*float64(l) + offset/10, AtClip: 0.012 * float64(i) * (1 + offset),
			AlphaMeanAbs: 0.034 + offset/100, EtaMean: math.NaN(), RateMeanAbs: 0.012 + offset/200}
		if model == "plastic" {
			t.EtaMean = -0.0021
		}
		for e := 1; e <= 13; e++ {
			grown := 1 - math.Exp(-float64(e)/3)
			t.Epochs = append(t.Epochs, TracePoint{Epoch: e, MeanAbs: t.MeanAbs * grown, AtClip: t.AtClip * grown * grown,
				AlphaMeanAbs: t.AlphaMeanAbs * (1 + grown), RateMeanAbs: t.RateMeanAbs * (2 - grown)})
		}
		all = append(all, t)
	}
	return all
}

func passage(i int) *Passage {
	p := &Passage{Tokens: strings.Fields(`no it was n't black monday <eos> but while the new york stock exchange did n't fall apart friday
		as the dow jones industrial average plunged N points most of it in the final hour it barely managed to stay this side of chaos <eos>
		some circuit breakers installed after the october N crash failed their first test traders say unable to cool the selling panic in both
		stocks and futures <eos> the N stock specialist firms on the big board floor the buyers and sellers of last resort who were criticized
		after the N crash once again could n't handle the selling pressure <eos>`), M: make([][]float64, 2)}
	for t := range p.Tokens {
		x := float64(t * i)
		p.M[0] = append(p.M[0], 0.4*math.Sin(x/3.1)+0.25*math.Sin(x*1.7))
		p.M[1] = append(p.M[1], 0.2+0.3*math.Cos(x/2.3)*math.Sin(x/7))
		p.NLL = append(p.NLL, 4.2+3.8*math.Sin(x*2.3))
	}
	return p
}
