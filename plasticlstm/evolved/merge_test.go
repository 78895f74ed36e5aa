package evolved

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/engram-lm/engram/lstm/layertest"
)

// A full rule whose connections have few different numbers merges into a clustered one
// that does the same.
func TestMergeFinds(t *testing.T) {
	const in, hidden, out, steps = 4, 6, 2, 30
	full, r := newNet(t, in, hidden, out, Options{Rule: Full, Modulation: After}), newRand(31)
	params := draw[float64](full, r, 0.3)
	kinds := make([][4]float64, 5) // fewer than H + I and 2 H
	for k := range kinds {
		for i := range kinds[k] {
			kinds[k][i] = r.NormFloat64()
		}
	}
	byName := named(full, params)
	for _, matrix := range []string{"hh", "ih"} {
		for i := range byName[matrix+".a"] {
			kind := kinds[r.IntN(len(kinds))]
			for k, term := range terms {
				byName[matrix+"."+term][i] = kind[k]
			}
		}
	}
	before := slices.Clone(byName["hh.a"])
	merged, values, err := Merge(full, params, newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(byName["hh.a"], before) {
		t.Error("the full rule has changed")
	}
	c := merged.Options().Clusters
	if o := merged.Options(); o.Rule != Clustered || o.Modulation != After || o.Gain != 0.05 || c.NHH != 2*hidden || c.NIH != hidden+in {
		t.Errorf("options %+v", o)
	}
	a, b := NewLife[float64](full), NewLife[float64](merged)
	a.Begin(NewGenome(full, params), nil)
	b.Begin(NewGenome(merged, values), nil)
	x, oa, ob := make([]float64, in), make([]float64, out), make([]float64, out)
	for range steps {
		for i := range x {
			x[i] = r.NormFloat64()
		}
		a.Step(x, oa)
		b.Step(x, ob)
		layertest.Compare(t, "outputs", ob, oa, 1e-12)
	}
}

// Each point is of the cluster whose mean is nearest, each mean is that of its points,
// and what is left within clusters is as much as it should be.
func TestKMeans(t *testing.T) {
	r := newRand(32)
	points := make([][4]float64, 500)
	for i := range points {
		for k := range points[i] {
			points[i][k] = r.NormFloat64()
		}
	}
	const k = 40
	of, means := kMeans(points, k, newRand(2))
	again, _ := kMeans(points, k, newRand(2))
	if len(means) != k || !slices.Equal(of, again) {
		t.Errorf("%d means, or other clusters from the same draws", len(means))
	}
	for i, p := range points {
		least := math.Inf(1)
		for _, m := range means {
			sum := 0.0
			for t := range p {
				sum += (p[t] - m[t]) * (p[t] - m[t])
			}
			least = min(least, sum)
		}
		if got := distance(p, means[of[i]]); got != least {
			t.Fatalf("point %d is %v from its mean, %v from another", i, got, least)
		}
	}
	for c, m := range means {
		var members [][]float64
		for i, p := range points {
			if of[i] == c {
				members = append(members, p[:])
			}
		}
		for d := range m {
			sum := 0.0
			for _, p := range members {
				sum += p[d] / float64(len(members))
			}
			if math.Abs(sum-m[d]) > 1e-12 {
				t.Errorf("mean %d is %v, its %d points' %v", c, m[d], len(members), sum)
			}
		}
	}
	// Over such points a program of its own in NumPy leaves .1822 of their mean square 4
	// within clusters (200 sets, .164 to .200); ten sets have a standard error of .002.
	const sets = 10
	share := 0.0
	for range sets {
		for i := range points {
			for k := range points[i] {
				points[i][k] = r.NormFloat64()
			}
		}
		of, means := kMeans(points, k, r)
		for i, p := range points {
			share += distance(p, means[of[i]]) / 4 / float64(len(points)*sets)
		}
	}
	if math.Abs(share-0.1822) > 0.008 {
		t.Errorf("%.4f of the squares are left within the clusters, want .1822 within .008", share)
	}
	if of, means := kMeans(points[:3], 3, newRand(1)); !reflect.DeepEqual(slices.Sorted(slices.Values(of)), []int{0, 1, 2}) || len(means) != 3 {
		t.Errorf("three points in three clusters: %v", of)
	}
	same := [][4]float64{{1}, {1}, {1}}
	if of, _ := kMeans(same, 2, newRand(1)); of[0] != of[1] || of[1] != of[2] {
		t.Errorf("the same point three times, in clusters %v", of)
	}
}

func TestMergeRefuses(t *testing.T) {
	n := newNet(t, 2, 3, 1, Options{})
	if _, _, err := Merge(n, draw[float64](n, newRand(1), 1), newRand(1)); err == nil {
		t.Error("a merge of the decomposed rule")
	}
}
