package a2c

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/engram-lm/engram/lstm/layertest"
)

// Outputs, loss and all gradients of an episode agree with what PyTorch makes of
// the same equations (scripts/peer/torch_a2c.py, which wrote the numbers).
func TestAgreesWithPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Inputs, Hidden, Actions, Batch, Steps int
		Clip, Gamma                           float64
		ValueCoef                             float64 `json:"value_coef"`
		ConcentrationCoef                     float64 `json:"concentration_coef"`
		Cases                                 []struct {
			Model            string
			Params, Grads    map[string][]float64
			Obs              []float64
			Actions          []int
			Rewards          []float32
			Policies, Values []float64
			Losses           [3]float64
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) != 4 {
		t.Fatalf("%d cases, want 4", len(golden.Cases))
	}
	for _, c := range golden.Cases {
		t.Run(c.Model, func(t *testing.T) {
			l, err := NewLayer(c.Model, golden.Inputs, golden.Hidden, golden.Clip)
			if err != nil {
				t.Fatal(err)
			}
			e := &episode{
				layer: l, actions: golden.Actions, batch: golden.Batch, steps: golden.Steps,
				obs: c.Obs, chosen: c.Actions, rewards: c.Rewards,
			}
			for _, p := range Params(l, e.actions) {
				if len(c.Params[p.Name]) != p.Size() {
					t.Fatalf("parameter %s has %d values, want %d", p.Name, len(c.Params[p.Name]), p.Size())
				}
				e.params, e.grads = append(e.params, c.Params[p.Name]), append(e.grads, make([]float64, p.Size()))
			}
			a := NewAgent[float64](l, e.actions, e.batch, e.steps)
			var policies, values []float64
			for out := e.play(a); len(out) > 0; out = out[e.actions+1:] {
				policies, values = append(policies, out[:e.actions]...), append(values, out[e.actions])
			}
			layertest.Compare(t, "policies", policies, c.Policies, 1e-12)
			layertest.Compare(t, "values", values, c.Values, 1e-12)
			got := a.Backward(Loss{golden.Gamma, golden.ValueCoef, golden.ConcentrationCoef}, e.grads)
			layertest.Compare(t, "losses", []float64{got.Policy, got.Value, got.Concentration}, c.Losses[:], 1e-12)
			for k, p := range Params(l, e.actions) {
				layertest.Compare(t, "gradient of "+p.Name, e.grads[k], c.Grads[p.Name], 1e-11)
			}
		})
	}
}
