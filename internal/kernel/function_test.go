package kernel

import (
	"fmt"
	"math"
	"testing"
)

var inf, nan = math.Inf(1), math.NaN()

// functions are the elementwise functions, their exact values and the largest
// errors that their comments promise, in float32 ulp.
var functions = []struct {
	name  string
	f32   func(dst, x []float32)
	f64   func(dst, x []float64)
	exact func(x float64) float64
	ulp   float64
}{
	{"Exp", Exp[float32], Exp[float64], math.Exp, 1},
	{"Tanh", Tanh[float32], Tanh[float64], math.Tanh, 3},
	{"Sigmoid", Sigmoid[float32], Sigmoid[float64], sigmoid, 2.5},
}

// ulpError returns how far got is from want in units of the last place of want.
func ulpError(got float32, want float64) float64 {
	if float64(got) == want || (got != got && want != want) || got == float32(want) {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

func TestFunctionsAreAccurate(t *testing.T) {
	var x []float32
	for bits := uint64(0); bits < 1<<32; bits += 4099 { // a million floats of all magnitudes
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	for v := -110.0; v < 110; v += 0.00037 {
		x = append(x, float32(v))
	}
	y := make([]float32, len(x))
	atEveryLevel(t, func(t *testing.T) {
		for _, f := range functions {
			f.f32(y, x)
			worst, at := 0.0, float32(0)
			for i, v := range x {
				e := ulpError(y[i], f.exact(float64(v)))
				if !(e < f.ulp) {
					t.Errorf("%s(%v) is off by %v ulp, want less than %v", f.name, v, e, f.ulp)
					break
				}
				if e > worst {
					worst, at = e, v
				}
			}
			t.Logf("%s: largest error %.3f ulp at %v", f.name, worst, at)
		}
	})
}

func TestFunctionsAtTheirEnds(t *testing.T) {
	x := []float64{0, math.Copysign(0, -1), inf, -inf, nan, 1e30, -1e30, 89, -104, 88.5, -88.5, 1e-40, 200, -200}
	atEveryLevel(t, func(t *testing.T) {
		for _, f := range functions {
			x32, y32, y64 := make([]float32, len(x)), make([]float32, len(x)), make([]float64, len(x))
			for i, v := range x {
				x32[i] = float32(v)
			}
			f.f32(y32, x32)
			f.f64(y64, x)
			for i, v := range x {
				if e := ulpError(y32[i], f.exact(float64(x32[i]))); !(e < f.ulp) {
					t.Errorf("float32 %s(%v) = %v, want %v", f.name, x32[i], y32[i], f.exact(float64(x32[i])))
				}
				if want := f.exact(v); y64[i] != want && !(want != want && y64[i] != y64[i]) {
					t.Errorf("float64 %s(%v) = %v, want %v", f.name, v, y64[i], want)
				}
				if v == 0 && math.Signbit(float64(y32[i])) != math.Signbit(f.exact(v)) {
					t.Errorf("float32 %s(%v) = %v has the wrong sign", f.name, v, y32[i])
				}
			}
		}
	})
}

// An element has the same bits wherever in a slice it stands, in place or not.
func TestFunctionsInEveryLane(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(5)
		for _, f := range functions {
			for _, n := range sizes {
				x := normal[float32](r, n)
				y := make([]float32, n+1)
				y[n] = 12345
				f.f32(y[:n], x)
				for i := range x {
					one := x[i : i+1]
					f.f32(one, one)
					if one[0] != y[i] {
						t.Fatalf("%s: element %d of %d: %v, alone %v", f.name, i, n, y[i], one[0])
					}
				}
				if y[n] != 12345 {
					t.Fatalf("%s of %d elements wrote past the end", f.name, n)
				}
			}
		}
	})
}

func BenchmarkFunctions(b *testing.B) {
	for _, f := range functions {
		b.Run(fmt.Sprintf("%s/1000", f.name), func(b *testing.B) {
			x := normal[float32](newRand(1), 1000)
			y := make([]float32, len(x))
			b.SetBytes(4 * int64(len(x)))
			for b.Loop() {
				f.f32(y, x)
			}
		})
	}
}
