package plasticlstm_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/layertest"
	. "github.com/engram-lm/engram/plasticlstm"
)

// golden is a case of testdata/golden.json: outputs, final state and gradients
// that PyTorch's autograd found in float64 for the equations as they stand in
// scripts/peer/torch_rnn.py, which wrote the file.
type golden struct {
	Kind         string
	In           int
	Pre, Post    int
	Steps, Batch int
	Options      struct {
		Rule           Rule
		Modulation     Modulation
		Alpha, Rate    Granularity
		ModulatorInput ModulatorInput `json:"modulator_input"`
		Clip           float64
		Feed           lstm.Feed
		Activation     lstm.Activation
	}
	X, State        []float64
	Params, DParams map[string][]float64
	OutWeight       []float64 `json:"out_weight"`
	StateWeight     []float64 `json:"state_weight"`
	Out, Final      []float64
	DX, DState      []float64
}

func (g golden) layer(t *testing.T) lstm.Layer {
	o := g.Options
	opt := Options{o.Rule, o.Modulation, o.Alpha, o.Rate, o.ModulatorInput, o.Clip, o.Feed, o.Activation}
	if g.Kind == "rnn" {
		opt.Activation = "" // the file has a dense layer's options for all
		l, err := NewRNN(g.In, g.Post, opt)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	return dense(t, g.Pre, g.Post, opt)
}

func TestAgainstPyTorch(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 16 {
		t.Errorf("%d cases, want 16", len(cases))
	}
	for _, g := range cases {
		t.Run(fmt.Sprintf("%s-%s-%s", g.Kind, g.Options.Modulation, g.Options.Rule), func(t *testing.T) {
			c := &layertest.Case{Layer: g.layer(t), T: g.Steps, B: g.Batch, X: g.X, State: g.State, OutW: g.OutWeight, StateW: g.StateWeight}
			for _, p := range c.Layer.Params() {
				if len(g.Params[p.Name]) != p.Size() {
					t.Fatalf("%d numbers of %s, want %d", len(g.Params[p.Name]), p.Name, p.Size())
				}
				c.Params = append(c.Params, g.Params[p.Name])
			}
			if len(c.Params) != len(g.Params) {
				t.Errorf("%d parameters, PyTorch has %d", len(c.Params), len(g.Params))
			}
			out, final, grads := c.Fused()
			layertest.Compare(t, "output", out, g.Out, 1e-12)
			layertest.Compare(t, "final state", final, g.Final, 1e-12)
			layertest.Compare(t, "gradient of x", grads.Values[0], g.DX, 1e-11)
			layertest.Compare(t, "gradient of the state", grads.Values[1], g.DState, 1e-11)
			for i, name := range grads.Names[2:] {
				layertest.Compare(t, "gradient of "+name, grads.Values[2+i], g.DParams[name], 1e-11)
			}
		})
	}
}
