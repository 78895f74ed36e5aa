package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestSteps(t *testing.T) {
	atEveryLevel(t, testSteps[float32])
	testSteps[float64](t)
}

func testSteps[F Float](t *testing.T) {
	const lr, wd, beta1, beta2, eps, mu = 0.1, 0.02, 0.9, 0.99, 1e-3, 0.3
	bc1, bc2 := 1-math.Pow(beta1, 3), 1-math.Pow(beta2, 3)
	r := newRand(12)
	tol := tolerance[F]()
	for _, n := range sizes {
		p, g, m, v := normal[F](r, n+1), normal[F](r, n), normal[F](r, n), normal[F](r, n)
		for i := range v {
			v[i] *= v[i]
		}
		sgd, adam, avg := slices.Clone(p), slices.Clone(p), slices.Clone(p)
		m1, v1 := slices.Clone(m), slices.Clone(v)
		SGDStep(sgd[:n], g, lr, wd)
		AdamStep(adam[:n], g, m1, v1, lr, beta1, beta2, eps, wd, F(bc1), F(bc2))
		AverageStep(avg[:n], g, mu)
		for i := range n {
			p, g := float64(p[i]), float64(g[i])
			m := beta1*float64(m[i]) + (1-beta1)*g
			v := beta2*float64(v[i]) + (1-beta2)*g*g
			for name, c := range map[string][2]float64{
				"sgd":     {float64(sgd[i]), p - lr*(g+wd*p)},
				"adam":    {float64(adam[i]), p - lr*(m/bc1/(math.Sqrt(v/bc2)+eps)+wd*p)},
				"m":       {float64(m1[i]), m},
				"v":       {float64(v1[i]), v},
				"average": {float64(avg[i]), p + mu*(g-p)},
			} {
				if !near(c[0], c[1], 1, tol) {
					t.Fatalf("n %d, element %d: %s %v, want %v", n, i, name, c[0], c[1])
				}
			}
		}
		if sgd[n] != p[n] || adam[n] != p[n] || avg[n] != p[n] {
			t.Fatalf("n %d: wrote past the end", n)
		}
	}
}

func TestStepsSpreadNaN(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		const n = 41
		step := func(name string, f func(p, g []float32)) {
			p, g := make([]float32, n), make([]float32, n)
			g[30] = float32(nan)
			f(p, g)
			for i, x := range p {
				if (x != x) != (i == 30) {
					t.Errorf("%s: a NaN gradient at 30 gives %v at %d", name, x, i)
				}
			}
		}
		step("sgd", func(p, g []float32) { SGDStep(p, g, 0.1, 0) })
		step("average", func(p, g []float32) { AverageStep(p, g, 0.1) })
		step("adam", func(p, g []float32) {
			AdamStep(p, g, make([]float32, n), make([]float32, n), 0.1, 0.9, 0.999, 1e-8, 0, 0.1, 0.001)
		})
	})
}

func BenchmarkSteps(b *testing.B) {
	const n = 1 << 16
	r := newRand(1)
	p, g, m, v := normal[float32](r, n), normal[float32](r, n), normal[float32](r, n), make([]float32, n)
	b.Run("SGD", func(b *testing.B) {
		b.SetBytes(12 * n)
		for b.Loop() {
			SGDStep(p, g, 1e-9, 0)
		}
	})
	b.Run("Adam", func(b *testing.B) {
		b.SetBytes(28 * n)
		for b.Loop() {
			AdamStep(p, g, m, v, 1e-9, 0.9, 0.999, 1e-8, 0, 0.1, 0.001)
		}
	})
}
