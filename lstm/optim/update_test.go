package optim

import (
	"errors"
	"math"
	"testing"

	"github.com/engram-lm/engram/lstm"
)

// A whole step clips the norm, moves the parameters and keeps the bounds.
func TestUpdate(t *testing.T) {
	specs := []lstm.Param{{Name: "w", Shape: []int{2}}, {Name: "k", Shape: []int{1}, Min: 0, Max: 1}}
	values, grads := [][]float32{{1, 2}, {0.5}}, [][]float32{{0, 4}, {3}}
	params := Params(specs, values, grads)
	norm, err := Update(&SGD{}, params, 1, 2.5) // 5, so that gradients are halved
	if err != nil || norm != 5 {
		t.Fatal(norm, err)
	}
	near(t, "w", values[0], 1, 0)
	near(t, "k", values[1], 0)
	grads[0][1] = 4
	grads[1][0] = -8
	if _, err := Update(NewAdam(0), params, 2, 0); err != nil {
		t.Fatal(err)
	}
	if w := values[0]; w[0] != 1 || math.Abs(float64(w[1]+2)) > 1e-4 {
		t.Errorf("w by Adam is %v, want [1 -2]", w)
	}
	w := float64(values[0][1])
	near(t, "k by Adam", values[1], 1)
	grads[0][0] = float32(math.NaN())
	_, err = Update(&SGD{}, params, 1, 0)
	if e, ok := errors.AsType[*NonFiniteError](err); !ok || e.Tensor != "w" {
		t.Error(err)
	}
	near(t, "w after a NaN", values[0], 1, w)
	for _, wrong := range []func(){
		func() { Params(specs, values[:1], grads) },
		func() { Params(specs, values, [][]float32{{1}, {1}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("parameters that do not fit were taken")
				}
			}()
			wrong()
		}()
	}
}
