package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestSoftmax(t *testing.T) {
	atEveryLevel(t, testSoftmax[float32])
	testSoftmax[float64](t)
}

func testSoftmax[F Float](t *testing.T) {
	r := newRand(10)
	tol := tolerance[F]()
	for _, n := range append(sizes, 10000) {
		if n == 0 {
			continue
		}
		for _, shift := range []float64{0, -500, 500} {
			x := normal[F](r, n)
			for i := range x {
				x[i] = 3*x[i] + F(shift)
			}
			largest, sum := float64(slices.Max(x)), 0.0
			for _, v := range x {
				sum += math.Exp(float64(v) - largest)
			}
			target := n / 3
			want := math.Log(sum) + (largest - float64(x[target]))
			p, grad := slices.Clone(x), slices.Clone(x)
			if got := SoftmaxNLL(p, target); !near(got, want, 1, tol) {
				t.Fatalf("n %d: NLL %v, want %v", n, got, want)
			}
			if got := SoftmaxNLLGrad(grad, target, F(0.25)); !near(got, want, 1, tol) {
				t.Fatalf("n %d: NLL %v, want %v", n, got, want)
			}
			for i, v := range x {
				prob := math.Exp(float64(v)-largest) / sum
				d := prob / 4
				if i == target {
					d -= 0.25
				}
				if !near(float64(p[i]), prob, 0, tol) || !near(float64(grad[i]), d, prob, tol) {
					t.Fatalf("n %d, logit %d: p %v, want %v; gradient %v, want %v", n, i, p[i], prob, grad[i], d)
				}
			}
		}
	}
}

func TestSoftmaxEnds(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			bad  float64
			all  bool // whether every probability is NaN
		}{{"NaN", nan, true}, {"+Inf", inf, true}, {"-Inf", -inf, false}} {
			for _, at := range []int{0, 17, 49} {
				x := normal[float32](newRand(11), 50)
				x[at] = float32(c.bad)
				nll := SoftmaxNLL(x, 5)
				if (nll != nll) != c.all {
					t.Errorf("%s at %d: NLL %v", c.name, at, nll)
				}
				for i, p := range x {
					if (p != p) != c.all || (!c.all && i == at && p != 0) {
						t.Fatalf("%s at %d: p[%d] = %v", c.name, at, i, p)
					}
				}
			}
		}
		x := make([]float32, 50)
		x[3] = float32(-inf)
		if nll := SoftmaxNLL(x, 3); nll != inf {
			t.Errorf("the NLL of an impossible target is %v, want +Inf", nll)
		}
	})
}

// What is done in fewer passes has the bits of one thing after the other.
func TestBiased(t *testing.T) {
	atEveryLevel(t, testBiased[float32])
	testBiased[float64](t)
}

func testBiased[F Float](t *testing.T) {
	r := newRand(13)
	for _, n := range []int{1, 5, 16, 31, 64, 77, 1000, 10000} {
		for _, special := range []float64{0, inf, -inf, nan} {
			x, bias, dbias := normal[F](r, n), normal[F](r, n), normal[F](r, n)
			x[n/2] += F(special)
			for _, target := range []int{0, n / 2, n - 1} {
				sum, grad, wantSum := slices.Clone(x), slices.Clone(x), slices.Clone(dbias)
				Add(sum, bias)
				Add(grad, bias)
				want := SoftmaxNLL(slices.Clone(sum), target)
				SoftmaxNLLGrad(grad, target, F(0.3))
				Add(wantSum, grad)

				row, gotSum, scaled := slices.Clone(x), slices.Clone(dbias), nan
				got := BiasedNLLGrad(row, bias, target, func(nll float64) F { scaled = nll; return 0.3 }, gotSum)
				if !same(got, want) || !same(scaled, want) || !slices.EqualFunc(row, grad, same[F]) || !slices.EqualFunc(gotSum, wantSum, same[F]) {
					t.Fatalf("%d logits, one of them %v more, target %d: other bits than step by step", n, special, target)
				}
				row = slices.Clone(x)
				if got := BiasedNLL(row, bias, target); !same(got, want) {
					t.Fatalf("%d logits, one of them %v more, target %d: NLL %v, want %v", n, special, target, got, want)
				}
			}
		}
	}
}

// same is equality, of NaN too.
func same[F Float](x, y F) bool { return x == y || x != x && y != y }

func BenchmarkSoftmaxNLLGrad(b *testing.B) {
	x := normal[float32](newRand(1), 10000)
	y := make([]float32, len(x))
	b.SetBytes(4 * int64(len(x)))
	for b.Loop() {
		copy(y, x)
		SoftmaxNLLGrad(y, 3, 1)
	}
}
