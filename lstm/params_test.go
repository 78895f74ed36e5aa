package lstm_test

import (
	"reflect"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm"
)

// New parameters are those that the learning tasks begin with, in float64 before
// they are rounded; their gradients are zero and have their sizes.
func TestNewParams(t *testing.T) {
	specs := lstm.LSTM{In: 3, Hidden: 4}.Params()
	specs[2].Lo, specs[2].Hi = 1, 1 // a forget gate that begins open, and all others
	params, grads := lstm.NewParams[float32](specs, 7)
	want, zero := trained.NewWeights(0, 0).Add("", specs, rng.New(7, "init"))
	if !reflect.DeepEqual(params, want) {
		t.Errorf("parameters %v, want %v", params, want)
	}
	if !reflect.DeepEqual(grads, zero) {
		t.Errorf("gradients %v, want %v", grads, zero)
	}
	double, _ := lstm.NewParams[float64](specs, 7)
	for i, p := range specs {
		for j, v := range double[i] {
			if float32(v) != params[i][j] || v < p.Lo || v > p.Hi {
				t.Errorf("%s, number %d: %v in float64, %v in float32, want the same in [%v, %v]", p.Name, j, v, params[i][j], p.Lo, p.Hi)
			}
		}
	}
	other, _ := lstm.NewParams[float32](specs, 8)
	if reflect.DeepEqual(other[:2], params[:2]) {
		t.Error("another seed gives the same parameters")
	}
}
