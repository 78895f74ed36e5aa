package study

import (
	"math"
	"slices"
	"testing"
)

func sortedKeys(m map[string]bool) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestGoal(t *testing.T) {
	good, bad, nan := 0.0, 1.0, math.NaN()
	g := &Goal{Value: 0.5, Window: 3, Hold: 2}
	for _, c := range []struct {
		name   string
		values []float64
		want   int
	}{
		{"never", []float64{bad, bad, bad, bad, bad, bad}, 0},
		{"window too short", []float64{good, good}, 0},
		{"not held for long enough", []float64{good, good, good, good}, 0},
		{"held", []float64{good, good, good, good, good}, 3},
		{"one slip within the mean", []float64{bad, good, good, good, bad, good}, 3},
		{"lost again", []float64{good, good, good, good, good, good, bad, bad}, 3},
		{"lost and learned anew", []float64{good, good, good, good, good, bad, bad, good, good, good, good, good, good}, 3},
		{"the second stretch holds", []float64{good, good, good, bad, bad, good, good, good, good, good}, 7},
		{"no number after it", []float64{good, good, good, good, good, nan, bad}, 3},
		{"late", []float64{bad, bad, bad, good, good, good, good}, 5},
		{"no number", []float64{good, good, good, good, nan, good}, 0},
		{"no number, then good", []float64{good, nan, good, good, good, good, good}, 5},
	} {
		for _, higher := range []bool{false, true} {
			var tr tracker
			for i, v := range c.values {
				if higher {
					v = 1 - v
				}
				tr.add(g, higher, i+1, v)
			}
			if got := tr.Solved; got != c.want {
				t.Errorf("%s (higher %t): %d, want %d", c.name, higher, got, c.want)
			}
		}
	}
}
