package layertest

import (
	"math"
	"testing"
)

// failures counts what a law reports.
type failures struct {
	testing.TB
	count int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.count++ }
func (f *failures) Fatalf(string, ...any) { f.count++ } // and goes on

func TestCompare(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want []float64
		tol       float64
		right     bool
	}{
		{"nothing", nil, nil, 0, true},
		{"equal", []float64{1, -2}, []float64{1, -2}, 0, true},
		{"within", []float64{1 + 1e-10, 100}, []float64{1, 100}, 1e-11, true},
		{"beyond", []float64{1 + 1e-8, 100}, []float64{1, 100}, 1e-11, false},
		{"beyond, then within", []float64{2, 1}, []float64{1, 1}, 1e-9, false},
		{"zeros by little", []float64{0, 2e-18}, []float64{0, 0}, 1e-9, false},
		{"too few", []float64{1}, []float64{1, 1}, 1, false},
		{"NaN first", []float64{nan, 1}, []float64{0, 1}, 1e-9, false},
		{"NaN between", []float64{1e9, nan, 1}, []float64{0, 0, 1}, 1e-9, false},
		{"NaN last", []float64{1, nan}, []float64{1, 0}, 1e-9, false},
		{"NaN wanted", []float64{0, 1}, []float64{nan, 1}, 1e-9, false},
		{"NaN for NaN", []float64{nan, 1}, []float64{nan, 1}, 1e-9, false},
		{"infinite", []float64{inf, 1}, []float64{0, 1}, 1e-9, false},
		{"infinity wanted", []float64{0, 1}, []float64{inf, 1}, 1e-9, false},
		{"others beside an infinity", []float64{7, inf}, []float64{1, inf}, 1e-9, false},
		{"infinity for infinity", []float64{inf, 1}, []float64{inf, 1}, 1e-9, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f failures
			if Compare(&f, c.name, c.got, c.want, c.tol); (f.count == 0) != c.right {
				t.Errorf("Compare(%v, %v, %g) reports %d failures, right: %v", c.got, c.want, c.tol, f.count, c.right)
			}
		})
	}
}
