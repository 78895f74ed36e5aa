package modeldir

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
)

const (
	lstmJSON = `{"format": "engram/1", "model": "lstm", "vocab_size": 23, "embedding_size": 5,
		"hidden_size": 8, "num_layers": 2, "tie_weights": false}`
	plasticJSON = `{"format": "engram/1", "model": "modulated", "vocab_size": 23, "embedding_size": 5,
		"hidden_size": 8, "num_layers": 2, "tie_weights": false, "plasticity": {"alpha": "neuron",
		"rate": "layer", "modulator_input": "cell", "rule": "clip", "clip": 0.3}}`
)

const readoutJSON = `{"format": "engram/1", "model": "readout", "vocab_size": 23, "embedding_size": 5,
		"hidden_size": 8, "num_layers": 2, "tie_weights": false, "readout": {"key_size": 3, "slots": 40}}`

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte(plasticJSON))
	if err != nil {
		t.Fatal(err)
	}
	want := Plasticity{Alpha: "neuron", Rate: "layer", ModulatorInput: "cell", Rule: "clip", Clip: 0.3}
	if c.Model != Modulated || c.VocabSize != 23 || c.EmbeddingSize != 5 || c.HiddenSize != 8 || c.NumLayers != 2 || *c.Plasticity != want {
		t.Errorf("parsed %+v %+v", c, c.Plasticity)
	}
	c, err = ParseConfig([]byte(swap(swap(plasticJSON, `"modulator_input": "cell", `, ""), "modulated", "plastic")))
	if err != nil || c.Plasticity.ModulatorInput != "hidden" {
		t.Errorf("plastic without a modulator's input: %+v, %v; want hidden", c.Plasticity, err)
	}
	if c, err = ParseConfig([]byte(swap(lstmJSON, `"num_layers": 2`, `"num_layers": 2, "precision": "bf16"`))); err != nil || c.Precision != BF16 {
		t.Errorf("precision bf16: %+v, %v", c, err)
	}
	if c, err = ParseConfig([]byte(lstmJSON)); err != nil || c.Plasticity != nil || c.Precision != "" {
		t.Errorf("lstm: %+v, %v", c, err)
	}
	c, err = ParseConfig([]byte(readoutJSON))
	if want := (Memory{KeySize: 3, Slots: 40}); err != nil || *c.Memory != want || c.Plasticity != nil {
		t.Errorf("readout: %+v, %v", c, err)
	}
	c, err = ParseConfig([]byte(swap(plasticJSON, `"plasticity"`, `"readout": {"key_size": 3, "slots": 40}, "plasticity"`)))
	if err != nil || c.Memory == nil || c.Plasticity == nil {
		t.Errorf("plastic layers below a plastic readout: %+v, %v", c, err)
	}
}

// swap replaces old, which must be there.
func swap(text, old, replacement string) string {
	if !strings.Contains(text, old) {
		panic("no " + old + " in " + text)
	}
	return strings.Replace(text, old, replacement, 1)
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{swap(lstmJSON, "engram/1", "engram/2"), `format: is "engram/2"; want "engram/1"`},
		{swap(lstmJSON, `"engram/1"`, `"engram/9", "new_key": 1`), `format: is "engram/9"`},
		{swap(lstmJSON, `"format": "engram/1", `, ""), "format: is missing"},
		{swap(lstmJSON, `"lstm"`, `"gru"`), `model: is "gru"; want lstm, plastic, modulated, retroactive or readout`},
		{swap(lstmJSON, `"lstm"`, `"LSTM"`), `model: is "LSTM"`},
		{swap(lstmJSON, `"num_layers": 2`, `"num_layers": 2, "precision": "f16"`), `precision: is "f16"; want f32 or bf16`},
		{swap(lstmJSON, "23", "0"), "vocab_size: is 0; want 1 to 16777216"},
		{swap(lstmJSON, "23", "-3"), "vocab_size: is -3"},
		{swap(lstmJSON, "23", "23.5"), "vocab_size: is a number 23.5; want an integer"},
		{swap(lstmJSON, "23", `"23"`), "vocab_size: is a string; want an integer"},
		{swap(lstmJSON, "23", "99999999999999999999"), "vocab_size: is a number"},
		{swap(lstmJSON, `"hidden_size": 8`, `"hidden_size": 65537`), "hidden_size: is 65537; want 1 to 65536"},
		{swap(lstmJSON, `"hidden_size": 8`, `"hidden_size": 65536`), "parameters; want sizes that make at most 1073741824"},
		{swap(lstmJSON, `"num_layers": 2`, `"num_layers": 65`), "num_layers: is 65; want 1 to 64"},
		{swap(lstmJSON, "false", "0"), "tie_weights: is a number; want true or false"},
		{swap(lstmJSON, "false", "null"), "tie_weights: is null"},
		{swap(lstmJSON, "false}", `false, "dropout": 0}`), "dropout: unknown key; want one of"},
		{swap(lstmJSON, "false}", `false, "model": "lstm"}`), "model: appears twice"},
		{swap(lstmJSON, `"model"`, `"Model"`), "Model: unknown key"},
		{lstmJSON + "x", "more text"},
		{lstmJSON[:len(lstmJSON)-1], "ends in the middle"},
		{swap(lstmJSON, `"lstm"`, `"plastic"`), "plasticity: is missing; model plastic wants alpha"},
		{swap(plasticJSON, `"modulated"`, `"lstm"`), "plasticity: is given for model lstm"},
		{swap(plasticJSON, `"neuron"`, `"yoked"`), `plasticity.alpha: is "yoked"; want connection, neuron, layer or decomposed`},
		{swap(plasticJSON, `"layer"`, `"free"`), `plasticity.rate: is "free"`},
		{swap(plasticJSON, `"cell"`, `"input"`), `plasticity.modulator_input: is "input"; want hidden, previous_hidden or cell`},
		{swap(plasticJSON, `"modulator_input": "cell", `, ""), "plasticity.modulator_input: is missing or empty; want hidden"},
		{swap(plasticJSON, `"rule": "clip"`, `"rule": "hebb"`), `plasticity.rule: is "hebb"; want clip, `},
		{swap(swap(plasticJSON, "modulated", "retroactive"), `"rule": "clip"`, `"rule": "oja"`), `plasticity.rule: is "oja", which model retroactive does not have; want clip or additive`},
		{swap(swap(plasticJSON, "modulated", "retroactive"), `"rule": "clip"`, `"rule": "decay"`), `plasticity.rule: is "decay"`},
		{swap(plasticJSON, "0.3", "0"), "plasticity.clip: is 0; want a number above 0"},
		{swap(plasticJSON, "0.3", "-1"), "plasticity.clip: is -1"},
		{swap(plasticJSON, "0.3", "1e-60"), "plasticity.clip: is 1e-60"},
		{swap(plasticJSON, "0.3", "1e60"), "plasticity.clip: is 1e+60"},
		{swap(plasticJSON, "0.3", "1e999"), "plasticity.clip: is a number"},
		{swap(plasticJSON, `, "clip": 0.3`, ""), "plasticity.clip: is missing"},
		{swap(readoutJSON, `"readout",`, `"lstm",`), "readout: is given for model lstm; want it left out, or model readout"},
		{swap(lstmJSON, `"lstm"`, `"readout"`), "readout: is missing; model readout wants key_size and slots"},
		{swap(plasticJSON, `"modulated"`, `"readout"`), "readout: is missing"},
		{swap(swap(plasticJSON, `"modulated"`, `"readout"`), `"plasticity"`, `"readout": {"key_size": 3, "slots": 40}, "plasticity"`), "plasticity: is given for model readout"},
		{swap(readoutJSON, `"key_size": 3`, `"key_size": 0`), "readout.key_size: is 0; want 1 to 65536"},
		{swap(readoutJSON, `"slots": 40`, `"slots": 65537`), "readout.slots: is 65537; want 1 to 65536"},
		{swap(readoutJSON, `, "slots": 40`, ""), "readout.slots: is missing"},
		{swap(readoutJSON, `"slots": 40`, `"slots": 40, "gate": 1`), "readout.gate: unknown key"},
		{swap(plasticJSON, "0.3}", `0.3, "k": 1}`), "plasticity.k: unknown key; want one of alpha, clip"},
	} {
		_, err := ParseConfig([]byte(c.text))
		var bad *badfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "config.json: ") {
			t.Errorf("%s:\nerror %v\nwant  %s", c.text, err, c.want)
		}
	}
}

// FuzzParseConfig: what is taken is a model that can be built, and the same when it
// is written and read again.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(lstmJSON))
	f.Add([]byte(plasticJSON))
	f.Add([]byte(readoutJSON))
	f.Add([]byte(`{"format":"engram/1","model":"plastic","plasticity":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Config
		var err error
		membound.Check(t, len(b), membound.Tree, func() { c, err = ParseConfig(b) })
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("error %v, want a *badfile.Error of one line", err)
			}
			return
		}
		n := 0
		for _, spec := range c.Tensors() {
			if spec.Size() < 1 {
				t.Fatalf("%s has shape %v", spec.Name, spec.Shape)
			}
			n += spec.Size()
		}
		if n != c.ParamCount() || n > MaxParams {
			t.Fatalf("%d parameters in the tensors, %d counted", n, c.ParamCount())
		}
		written, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(written)
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if !reflect.DeepEqual(again, c) {
			t.Fatalf("%s became %+v", written, again)
		}
	})
}
