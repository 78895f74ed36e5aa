package kernel

import (
	"math/rand/v2"
	"testing"
)

// atEveryLevel runs a test at each level that the processor has.
func atEveryLevel(t *testing.T, f func(t *testing.T)) {
	defer setLevel(level)
	for l := levelGo; l <= detectLevel(); l++ {
		setLevel(l)
		t.Run(Level(), f)
	}
}

// sizes are lengths that meet every tail of an 8- or 16-lane loop, unrolled or not.
var sizes = []int{0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 100, 127, 128, 129, 200, 257, 1000}

func normal[F Float](r *rand.Rand, n int) []F {
	x := make([]F, n)
	for i := range x {
		x[i] = F(r.NormFloat64())
	}
	return x
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

func wide[F Float](x []F) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// tolerance is a small multiple of the unit roundoff of F.
func tolerance[F Float]() float64 {
	if _, ok := any(F(0)).(float32); ok {
		return 2e-6
	}
	return 1e-14
}

func TestChooseLevel(t *testing.T) {
	for _, c := range []struct {
		name       string
		best, want levelKind
		ok         bool
	}{
		{"", levelAVX512, levelAVX512, true},
		{"", levelGo, levelGo, true},
		{"go", levelAVX512, levelGo, true},
		{"avx2", levelAVX512, levelAVX2, true},
		{"avx512", levelAVX2, levelAVX2, true},
		{"avx512", levelAVX512, levelAVX512, true},
		{"sse", levelAVX2, levelAVX2, false},
	} {
		got, err := chooseLevel(c.name, c.best)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("chooseLevel(%q, %v) = %v, %v; want %v, error %v", c.name, c.best, got, err, c.want, !c.ok)
		}
	}
}
