package kernel

import (
	"math"
	"slices"
	"testing"
)

func near(got, want, size, tol float64) bool {
	return math.Abs(got-want) <= tol*(size+math.Abs(want))
}

func TestVectors(t *testing.T) {
	atEveryLevel(t, testVectors[float32])
	testVectors[float64](t)
}

func testVectors[F Float](t *testing.T) {
	r := newRand(6)
	tol := tolerance[F]()
	for _, n := range sizes {
		x, y := normal[F](r, n), normal[F](r, n)
		guard := append(slices.Clone(y), 12345)
		axpy, scaled, sum := slices.Clone(guard), slices.Clone(guard), slices.Clone(guard)
		Axpy(F(1.5), x, axpy[:n])
		Scale(F(-2.5), scaled[:n])
		Add(sum[:n], x)
		product, fused := slices.Clone(guard), slices.Clone(guard)
		Mul(product[:n], x, y)
		MulAdd(fused[:n], x, y)
		var dot, size, squares float64
		for i := range n {
			a, b := float64(x[i]), float64(y[i])
			dot += a * b
			size += math.Abs(a * b)
			squares += a * a
			if !near(float64(axpy[i]), 1.5*a+b, math.Abs(b), tol) || scaled[i] != -2.5*y[i] || sum[i] != x[i]+y[i] {
				t.Fatalf("n %d, element %d of x %v, y %v: axpy %v, scale %v, add %v", n, i, a, b, axpy[i], scaled[i], sum[i])
			}
		}
		for i := range n {
			a, b := float64(x[i]), float64(y[i])
			if product[i] != x[i]*y[i] || !near(float64(fused[i]), a*b+b, math.Abs(b), tol) {
				t.Fatalf("n %d, element %d of x %v, y %v: mul %v, mulAdd %v", n, i, a, b, product[i], fused[i])
			}
		}
		if axpy[n] != 12345 || scaled[n] != 12345 || sum[n] != 12345 || product[n] != 12345 || fused[n] != 12345 {
			t.Fatalf("n %d: wrote past the end", n)
		}
		if got := Dot(x, y); !near(float64(got), dot, size, tol) {
			t.Errorf("n %d: dot %v, want %v", n, got, dot)
		}
		if got := SumSquares(x); !near(got, squares, 0, 1e-14) {
			t.Errorf("n %d: sum of squares %v, want %v", n, got, squares)
		}
		largest := math.Inf(-1)
		for _, v := range x {
			largest = max(largest, float64(v))
		}
		if got := maxOf(x); float64(got) != largest {
			t.Errorf("n %d: max %v, want %v", n, got, largest)
		}
	}
}

func TestIndexNonFinite(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, n := range append(sizes, 4096, 10001) {
			x := normal[float32](newRand(7), n)
			if n > 1 {
				x[1] = math.MaxFloat32
			}
			if got := IndexNonFinite(x); got != -1 {
				t.Fatalf("%d finite elements: %d, want -1", n, got)
			}
			for _, bad := range []float64{nan, inf, -inf} {
				for _, i := range []int{0, 1, n / 2, n - 9, n - 1} {
					if i < 0 || i >= n {
						continue
					}
					y := slices.Clone(x)
					y[i], y[n-1] = float32(bad), float32(bad)
					if got := IndexNonFinite(y); got != i {
						t.Fatalf("%v at %d of %d: %d", bad, i, n, got)
					}
				}
			}
		}
	})
	if got := IndexNonFinite([]float64{1, math.MaxFloat64, nan}); got != 2 {
		t.Errorf("float64: %d, want 2", got)
	}
}

func TestVectorsSpreadNaN(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, i := range []int{0, 20, 99} {
			x, y := make([]float32, 100), make([]float32, 100)
			x[i] = float32(nan)
			if Dot(x, y) == 0 || SumSquares(x) == 0 {
				t.Fatalf("a NaN at %d was lost in a sum", i)
			}
			Axpy(0, x, y)
			for j, v := range y {
				if (v != v) != (i == j) {
					t.Fatalf("NaN at %d: axpy gives %v at %d", i, v, j)
				}
			}
		}
	})
}

func TestVectorsAllocateNothing(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		x, y := make([]float32, 400), make([]float32, 400)
		got := testing.AllocsPerRun(10, func() {
			Axpy(1, x, y)
			Tanh(x, y)
			Dot(x, y)
			LSTMForward(100, x, y[:100], y[100:200], y[200:300], y[300:])
			SoftmaxNLL(x, 3)
		})
		if got != 0 {
			t.Errorf("%v allocations, want none", got)
		}
	})
}

func BenchmarkVectors(b *testing.B) {
	x, y := normal[float32](newRand(1), 10000), normal[float32](newRand(2), 10000)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"Axpy", func() { Axpy(1e-9, x, y) }},
		{"Dot", func() { Dot(x, y) }},
		{"SumSquares", func() { SumSquares(x) }},
		{"IndexNonFinite", func() { IndexNonFinite(x) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(4 * int64(len(x)))
			for b.Loop() {
				c.f()
			}
		})
	}
}
