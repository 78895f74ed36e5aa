package stats

import (
	"math"
	"math/bits"
	"testing"
)

func TestRankSum(t *testing.T) {
	for _, test := range []struct {
		name string
		x, y []float64
		p    float64
	}{
		// 2 of the 20 ways to pick 3 of 6 ranks are as extreme.
		{"three below three", []float64{1, 2, 3}, []float64{4, 5, 6}, 0.1},
		// 2 of the 70 ways to pick 4 of 8.
		{"four above four", []float64{5, 6, 7, 8}, []float64{1, 2, 3, 4}, 2.0 / 70},
		// Ranks 1, 4, 5 sum to 10, U = 4 of 9: half of all orders have U <= 4.
		{"interleaved", []float64{1, 4, 5}, []float64{2, 3, 6}, 1},
		{"all equal", []float64{2, 2}, []float64{2, 2}, 1},
		{"one value each", []float64{1}, []float64{2}, 1},
		{"empty", nil, []float64{1}, nan},
		{"NaN", []float64{nan, 1}, []float64{2, 3}, nan},
	} {
		near(t, test.name, RankSum(test.x, test.y), test.p)
	}
}

// samples calls f with every sample of 1 to n of the values 0, 1 and 2.
func samples(n int, f func(x []float64)) {
	for length := 1; length <= n; length++ {
		x := make([]float64, length)
		for code := range int(math.Pow(3, float64(length))) {
			for i := range x {
				x[i] = float64(code % 3)
				code /= 3
			}
			f(x)
		}
	}
}

// wins counts the pairs that a sample wins against the other, a tie as half of one:
// the U of Mann and Whitney. mask says which of all are the sample's values.
func wins(all []float64, mask uint) (u float64) {
	for i, a := range all {
		if mask>>i&1 == 0 {
			continue
		}
		for j, b := range all {
			switch {
			case mask>>j&1 == 1 || a < b:
			case a == b:
				u += 0.5
			default:
				u++
			}
		}
	}
	return u
}

// The test's definition, with U in the place of the ranks and every way to share
// the values out: twice the share of those whose U is as far to the side that is
// rarer.
func TestRankSumByBruteForce(t *testing.T) {
	pairs := 0
	samples(4, func(x []float64) {
		samples(4, func(y []float64) {
			pairs++
			all := append(append([]float64(nil), x...), y...)
			u := wins(all, 1<<len(x)-1)
			var ways, below, above float64
			for mask := range uint(1) << len(all) {
				if bits.OnesCount(mask) != len(x) {
					continue
				}
				ways++
				switch v := wins(all, mask); {
				case v < u:
					below++
				case v > u:
					above++
				default:
					below++
					above++
				}
			}
			want := min(1, 2*min(below, above)/ways)
			if p := RankSum(x, y); math.Abs(p-want) > 1e-12 {
				t.Fatalf("%v against %v: p = %v, want %v", x, y, p, want)
			}
			if p, q := RankSum(x, y), RankSum(y, x); p != q {
				t.Fatalf("%v against %v: p = %v one way, %v the other", x, y, p, q)
			}
		})
	})
	if pairs != 120*120 {
		t.Errorf("%d pairs of samples, want 14400", pairs)
	}
}

// Where both can be had, the normal approximation is near the exact value, with
// ties and without, at equal and at unequal sizes.
func TestRankSumOfManyValues(t *testing.T) {
	for _, c := range []struct{ m, n, kinds int }{{20, 30, 1000}, {28, 28, 20}, {8, 200, 40}} {
		for shift := range 4 {
			x, y := make([]float64, c.m), make([]float64, c.n)
			for i := range x {
				x[i] = float64((i*37 + shift*c.kinds/4) % c.kinds)
			}
			for i := range y {
				y[i] = float64(i * 61 % c.kinds)
			}
			ranks, sum := doubledRanks(x, y)
			exact, normal := exactRankSum(ranks, c.m, sum), normalRankSum(ranks, c.m, sum)
			if math.Abs(exact-normal) > 0.02 {
				t.Errorf("%d against %d of %d values: exact %v, normal %v", c.m, c.n, c.kinds, exact, normal)
			}
			if p := RankSum(x, y); p != exact {
				t.Errorf("%d against %d: %v, exact is %v", c.m, c.n, p, exact)
			}
		}
	}
	// Far more values than can be counted, and all alike.
	x, y := make([]float64, 5000), make([]float64, 3000)
	near(t, "thousands of equal values", RankSum(x, y), 1)
	x[0] = math.Inf(1)
	y[0] = math.Inf(-1)
	if p := RankSum(x, y); !(p > 0 && p < 1) {
		t.Errorf("one value more at each end: p = %v", p)
	}
}
