package report

import "testing"

// Whatever the values of a chart, its y axis has two ticks at least.
func TestSeveralTicks(t *testing.T) {
	for _, height := range []float64{70, 96, 120, 200} {
		for _, hi := range []float64{1e-6, 0.0013, 0.02, 0.31, 0.4, 0.53, 0.7, 0.97, 1.06, 3, 7.7, 26, 999, 12345} {
			for _, symmetric := range []bool{false, true} {
				c := lineChart(360, axes{Height: height, Symmetric: symmetric, Value: typographic.number}, []series{{X: []float64{0, 1, 2}, Y: []float64{hi * 0.93, hi, hi * 0.97}}})
				if len(c.YTicks) < 2 {
					t.Errorf("height %v, values to %v, symmetric %v: %d ticks", height, hi, symmetric, len(c.YTicks))
				}
			}
		}
	}
}
