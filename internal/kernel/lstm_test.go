package kernel

import (
	"math"
	"slices"
	"testing"
)

func TestLSTMForward(t *testing.T) {
	atEveryLevel(t, testLSTMForward[float32])
	testLSTMForward[float64](t)
}

func testLSTMForward[F Float](t *testing.T) {
	r := newRand(8)
	tol := tolerance[F]()
	for _, n := range sizes {
		z, cPrev := normal[F](r, 4*n), normal[F](r, n)
		in := slices.Clone(z)
		c, tanhC, h := make([]F, n), make([]F, n), make([]F, n)
		LSTMForward(n, z, cPrev, c, tanhC, h)
		for j := range n {
			i, f := sigmoid(float64(in[j])), sigmoid(float64(in[n+j]))
			g, o := math.Tanh(float64(in[2*n+j])), sigmoid(float64(in[3*n+j]))
			cell := f*float64(cPrev[j]) + i*g
			for name, v := range map[string][2]float64{
				"i": {float64(z[j]), i}, "f": {float64(z[n+j]), f}, "g": {float64(z[2*n+j]), g}, "o": {float64(z[3*n+j]), o},
				"c": {float64(c[j]), cell}, "tanhC": {float64(tanhC[j]), math.Tanh(cell)}, "h": {float64(h[j]), o * math.Tanh(cell)},
			} {
				if !near(v[0], v[1], 1, tol) {
					t.Fatalf("n %d, neuron %d: %s %v, want %v", n, j, name, v[0], v[1])
				}
			}
		}
		LSTMForward(n, in, cPrev, cPrev, tanhC, h) // in place
		if !slices.Equal(cPrev, c) {
			t.Fatalf("n %d: other cells in place", n)
		}
	}
}

// The gradient is compared with central differences of a random linear function
// of c and h, and every float32 level with float64.
func TestLSTMBackward(t *testing.T) {
	r := newRand(9)
	for _, n := range sizes {
		z, cPrev := normal[float64](r, 4*n), normal[float64](r, n)
		dh, dc, dg := normal[float64](r, n), normal[float64](r, n), normal[float64](r, n)
		loss := func(j int) float64 { // of neuron j
			act, c, tanhC, h := slices.Clone(z), make([]float64, n), make([]float64, n), make([]float64, n)
			LSTMForward(n, act, cPrev, c, tanhC, h)
			return dh[j]*h[j] + dc[j]*c[j] + dg[j]*act[2*n+j]
		}
		act, c, tanhC, h := slices.Clone(z), make([]float64, n), make([]float64, n), make([]float64, n)
		LSTMForward(n, act, cPrev, c, tanhC, h)
		dz, dcPrev := make([]float64, 4*n), slices.Clone(dc)
		LSTMBackward(n, act, cPrev, tanhC, dh, dcPrev, dg, dz)
		difference := func(x []float64, i, j int) float64 {
			const step = 1e-5
			old := x[i]
			x[i] = old + step
			up := loss(j)
			x[i] = old - step
			down := loss(j)
			x[i] = old
			return (up - down) / (2 * step)
		}
		for i := range min(4*n, 400) {
			if want := difference(z, i, i%n); !near(dz[i], want, 1, 1e-8) {
				t.Fatalf("n %d: dz[%d] %v, want %v", n, i, dz[i], want)
			}
		}
		for j := range min(n, 100) {
			if want := difference(cPrev, j, j); !near(dcPrev[j], want, 1, 1e-8) {
				t.Fatalf("n %d: dc[%d] %v, want %v", n, j, dcPrev[j], want)
			}
		}
		for _, extra := range [][]float64{dg, nil} {
			dcWant := slices.Clone(dc)
			LSTMBackward(n, act, cPrev, tanhC, dh, dcWant, extra, dz)
			atEveryLevel(t, func(t *testing.T) {
				dz32, dc32 := make([]float32, 4*n), single(dc)
				LSTMBackward(n, single(act), single(cPrev), single(tanhC), single(dh), dc32, single(extra), dz32)
				for i := range dz {
					if !near(float64(dz32[i]), dz[i], 1, 2e-6) {
						t.Fatalf("n %d: dz[%d] %v, want %v", n, i, dz32[i], dz[i])
					}
				}
				for i := range dc {
					if !near(float64(dc32[i]), dcWant[i], 1, 2e-6) {
						t.Fatalf("n %d: dc[%d] %v, want %v", n, i, dc32[i], dcWant[i])
					}
				}
			})
		}
	}
}

func single(x []float64) []float32 {
	if x == nil {
		return nil
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func TestLSTMSpreadsNaN(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		const n = 37
		for gate := range 4 {
			z, state := make([]float32, 4*n), make([]float32, 4*n)
			z[gate*n+20] = float32(nan)
			LSTMForward(n, z, state[:n], state[n:2*n], state[2*n:3*n], state[3*n:])
			for j := range n {
				if h := state[3*n+j]; (h != h) != (j == 20) {
					t.Fatalf("NaN in gate %d of neuron 20: h[%d] = %v", gate, j, h)
				}
			}
		}
	})
}

func BenchmarkLSTM(b *testing.B) {
	const n = 200
	r := newRand(1)
	z, c, tanhC, h := normal[float32](r, 4*n), normal[float32](r, n), normal[float32](r, n), normal[float32](r, n)
	dz := make([]float32, 4*n)
	b.Run("Forward", func(b *testing.B) {
		for b.Loop() {
			LSTMForward(n, z, c, c, tanhC, h)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/neuron")
	})
	b.Run("Backward", func(b *testing.B) {
		for b.Loop() {
			LSTMBackward(n, z, c, tanhC, h, c, nil, dz)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/neuron")
	})
}
