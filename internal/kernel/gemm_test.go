package kernel

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
)

// naive is the product in float64, and beside each element the sum of the
// magnitudes of its terms, to which rounding errors are proportional.
func naive[F Float](transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) (want, size []float64) {
	want, size = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			var sum, mag float64
			for p := range k {
				x := float64(alpha) * float64(a[offset(transA, i, p, lda)]) * float64(b[offset(transB, p, j, ldb)])
				sum += x
				mag += math.Abs(x)
			}
			if beta != 0 {
				x := float64(beta) * float64(c[i*ldc+j])
				sum += x
				mag += math.Abs(x)
			}
			want[i*n+j], size[i*n+j] = sum, mag
		}
	}
	return want, size
}

func checkProduct[F Float](t *testing.T, m, n int, got []F, ldc int, want, size []float64) {
	t.Helper()
	for i := range m {
		for j := range n {
			g := float64(got[i*ldc+j])
			if d := math.Abs(g - want[i*n+j]); !(d <= tolerance[F]()*(size[i*n+j]+1)) {
				t.Fatalf("element (%d, %d) of [%d, %d]: %v, want %v", i, j, m, n, g, want[i*n+j])
			}
		}
	}
}

// shapes are m, n, k: odd ones, and ones that cross blocks, panels and tiles.
var shapes = [][3]int{
	{1, 1, 1}, {1, 7, 3}, {2, 3, 5}, {3, 16, 9}, {5, 33, 17}, {6, 16, 8}, {7, 31, 40}, {14, 32, 16},
	{13, 65, 21}, {15, 64, 100}, {20, 200, 50}, {29, 97, 130}, {61, 40, 257}, {33, 300, 200}, {9, 10, 1000}, {150, 270, 65},
	{4, 3, 0}, {0, 3, 2}, {3, 0, 2},
}

func TestGemm(t *testing.T) {
	atEveryLevel(t, testGemm[float32])
	testGemm[float64](t)
}

func testGemm[F Float](t *testing.T) {
	r := newRand(1)
	for _, s := range shapes {
		m, n, k := s[0], s[1], s[2]
		for _, transA := range []bool{false, true} {
			for _, transB := range []bool{false, true} {
				for _, scalars := range [][2]F{{1, 0}, {1, 1}, {-0.5, 2}} {
					alpha, beta := scalars[0], scalars[1]
					lda, ldb, ldc := k+3, n+2, n+5
					if transA {
						lda = m + 3
					}
					if transB {
						ldb = k + 2
					}
					a, b := normal[F](r, (max(m, k)+1)*lda), normal[F](r, (max(n, k)+1)*ldb)
					c := normal[F](r, (m+1)*ldc)
					want, size := naive(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
					got, serial := slices.Clone(c), slices.Clone(c)
					if beta == 0 {
						for i := range m {
							for j := range n {
								got[i*ldc+j] = F(math.NaN())
							}
						}
					}
					gemm(true, F32, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc)
					checkProduct(t, m, n, got, ldc, want, size)
					GemmSerial(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, serial, ldc)
					if !slices.Equal(got, serial) {
						t.Fatalf("%v: the serial product has other bits", s)
					}
					for i := range c { // what lies between the rows stays as it was
						if (i%ldc >= n || i/ldc >= m) && got[i] != c[i] {
							t.Fatalf("%v: wrote outside the matrix at %d", s, i)
						}
					}
				}
			}
		}
	}
}

func TestGemmSameBitsForAnyWorkers(t *testing.T) {
	defer setWorkers(workers)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(2)
		const m, n, k = 143, 333, 511
		a, b := normal[float32](r, m*k), normal[float32](r, n*k)
		var first []float32
		for _, w := range []int{1, 2, 3, 8} {
			setWorkers(w)
			runtime.GOMAXPROCS(w)
			c := make([]float32, m*n)
			Gemm(false, true, m, n, k, 1, a, k, b, k, 0, c, n)
			if first == nil {
				first = c
			}
			if !slices.Equal(first, c) {
				t.Fatalf("%d workers give other bits than one", w)
			}
		}
	})
}

// A stream alone must equal its row of a batch.
func TestRowsDoNotDependOnEachOther(t *testing.T) {
	atEveryLevel(t, testRows[float32])
	testRows[float64](t)
}

func testRows[F Float](t *testing.T) {
	r := newRand(3)
	const m, n, k = 37, 205, 450
	a, b := normal[F](r, m*k), normal[F](r, n*k)
	whole := make([]F, m*n)
	Gemm(false, true, m, n, k, 1, a, k, b, k, 0, whole, n)
	var p Packed[F]
	p.Pack(true, k, n, b, k)
	for count := 1; count <= m; count++ {
		c := make([]F, count*n)
		for _, first := range []int{0, m - count} {
			want := whole[first*n : (first+count)*n]
			Gemm(false, true, count, n, k, 1, a[first*k:], k, b, k, 0, c, n)
			if !slices.Equal(c, want) {
				t.Fatalf("Gemm: rows %d to %d have other bits alone", first, first+count)
			}
			p.Mul(count, a[first*k:], k, 0, c, n)
			if !slices.Equal(c, want) {
				t.Fatalf("Packed.Mul: rows %d to %d have other bits alone", first, first+count)
			}
		}
	}
	// Nor on which columns stand beside them.
	c := make([]F, m*7)
	Gemm(false, true, m, 7, k, 1, a, k, b[3*k:], k, 0, c, 7)
	for i := range m {
		if !slices.Equal(c[i*7:(i+1)*7], whole[i*n+3:i*n+10]) {
			t.Fatalf("columns 3 to 9 of row %d have other bits alone", i)
		}
	}
}

// Shapes of several strips and panels a task, of several parts of k, and of
// tasks of either kind, against rows multiplied by packed panels: to the same bits.
func TestGemmLarge(t *testing.T) {
	atEveryLevel(t, testGemmLarge[float32])
	testGemmLarge[float64](t)
}

func testGemmLarge[F Float](t *testing.T) {
	r := newRand(5)
	var p Packed[F]
	for _, s := range [][3]int{{500, 40, 70}, {33, 1100, 41}, {500, 520, 33}, {75, 1100, 450}, {200, 100, 3000}, {120, 130, 3000}} {
		m, n, k := s[0], s[1], s[2]
		a, at, b, bt := normal[F](r, m*k), make([]F, k*m), normal[F](r, k*n), make([]F, n*k)
		for i := range m {
			for q := range k {
				at[q*m+i] = a[i*k+q]
			}
		}
		for q := range k {
			for j := range n {
				bt[j*k+q] = b[q*n+j]
			}
		}
		before := normal[F](r, m*n)
		want := slices.Clone(before)
		p.Pack(false, k, n, b, n)
		for i := range m {
			p.Mul(1, a[i*k:], k, 0.5, want[i*n:], n)
		}
		for _, transA := range []bool{false, true} {
			for _, transB := range []bool{false, true} {
				x, lda, y, ldb := a, k, b, n
				if transA {
					x, lda = at, m
				}
				if transB {
					y, ldb = bt, k
				}
				got := slices.Clone(before)
				Gemm(transA, transB, m, n, k, 1, x, lda, y, ldb, 0.5, got, n)
				if !slices.Equal(got, want) {
					t.Fatalf("%v, transposed %v, %v: Gemm has other bits than Packed.Mul row by row", s, transA, transB)
				}
			}
		}
		got := slices.Clone(before)
		p.Mul(m, a, k, 0.5, got, n)
		if !slices.Equal(got, want) {
			t.Fatalf("%v: Packed.Mul has other bits than row by row", s)
		}
	}
}

func TestPackedMul(t *testing.T) {
	atEveryLevel(t, testPackedMul[float32])
	testPackedMul[float64](t)
}

func testPackedMul[F Float](t *testing.T) {
	r := newRand(4)
	var p Packed[F] // one for all: its buffer is reused
	for _, s := range shapes {
		m, n, k := s[0], s[1], s[2]
		for _, trans := range []bool{false, true} {
			for _, beta := range []F{0, 1, 0.5} {
				lda, ldb, ldc := k+1, n+2, n+3
				if trans {
					ldb = k + 2
				}
				a, b := normal[F](r, (m+1)*lda), normal[F](r, (max(n, k)+1)*ldb)
				c := normal[F](r, (m+1)*ldc)
				want, size := naive(false, trans, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
				p.Pack(trans, k, n, b, ldb)
				p.Mul(m, a, lda, beta, c, ldc)
				checkProduct(t, m, n, c, ldc, want, size)
			}
		}
	}
}

// Columns shared by the cores have the bits of the whole.
func TestPackedMulParallel(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		const n, k = 1030, 520 // two shares and a rest
		r := newRand(9)
		var p Packed[float32]
		p.Pack(true, k, n, normal[float32](r, n*k), k)
		for _, m := range []int{1, 3, 40} {
			a, want := normal[float32](r, m*k), normal[float32](r, m*(n+3))
			got := slices.Clone(want)
			p.Mul(m, a, k, 1, want, n+3)
			p.MulParallel(m, a, k, 1, got, n+3)
			if !slices.Equal(got, want) {
				t.Errorf("%d rows: other bits than Mul", m)
			}
		}
	})
}

// A NaN or infinity spreads to its row or column of C and no further.
func TestGemmNaN(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		const m, n, k = 30, 70, 50
		a, b := make([]float32, m*k), make([]float32, k*n)
		a[4*k+7] = float32(math.NaN())
		b[9*n+66] = float32(math.Inf(1))
		c := make([]float32, m*n)
		Gemm(false, false, m, n, k, 1, a, k, b, n, 0, c, n)
		for i := range m {
			for j := range n {
				if got, want := c[i*n+j] != c[i*n+j], i == 4 || j == 66; got != want {
					t.Fatalf("element (%d, %d) is NaN: %v, want %v", i, j, got, want)
				}
			}
		}
	})
}

func TestGemmAllocatesNothing(t *testing.T) {
	const m, n, k = 100, 100, 100
	a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	var p Packed[float32]
	p.Pack(false, k, n, b, n)
	got := testing.AllocsPerRun(100, func() {
		Gemm(true, false, m, n, k, 1, a, m, b, n, 0, c, n)
		p.Mul(m, a, k, 0, c, n)
	})
	if got >= 1 {
		t.Errorf("%v allocations a product, want none", got)
	}
}

func TestShortMatrixPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a matrix that is too short was accepted")
		}
	}()
	Gemm(false, false, 2, 2, 2, 1, make([]float32, 3), 2, make([]float32, 4), 2, 0, make([]float32, 4), 2)
}

// The products of a model's head and of a layer's gates over a window, for the
// sizes of the published models: M = B T rows, hidden size K, types V.
func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		name           string
		transA, transB bool
		m, n, k        int
	}{
		{"logits", false, true, 700, 10000, 200},
		{"dH", false, false, 700, 200, 10000},
		{"dW", true, false, 10000, 200, 700},
		{"logits-one-stream", false, true, 35, 10000, 200},
		{"logits-one-step", false, true, 1, 10000, 200},
		{"gates", false, true, 700, 800, 200},
		{"gates-dX", false, false, 700, 200, 800},
		{"gates-dW", true, false, 800, 200, 700},
		{"large-logits", false, true, 420, 10000, 400},
		{"large-gates", false, true, 420, 4600, 1150},
		{"large-gates-dW", true, false, 4600, 1150, 420},
	} {
		for _, serial := range []bool{true, false} {
			name := fmt.Sprintf("%s/%dx%dx%d/parallel=%v", s.name, s.m, s.n, s.k, !serial)
			b.Run(name, func(b *testing.B) { benchmarkGemm(b, !serial, s.transA, s.transB, s.m, s.n, s.k) })
		}
	}
}

func benchmarkGemm(b *testing.B, parallel, transA, transB bool, m, n, k int) {
	r := newRand(1)
	x, y, z := normal[float32](r, m*k), normal[float32](r, k*n), make([]float32, m*n)
	lda, ldb := k, n
	if transA {
		lda = m
	}
	if transB {
		ldb = k
	}
	for b.Loop() {
		gemm(parallel, F32, transA, transB, m, n, k, 1, x, lda, y, ldb, 0, z, n)
	}
	reportProduct(b, m, n, k)
}

// reportProduct reports the multiply-adds of a product, and as bytes what it must
// at least read and write.
func reportProduct(b *testing.B, m, n, k int) {
	b.SetBytes(4 * int64(m*k+k*n+m*n))
	b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// A step's recurrent products for one stream and more, and their adjoints. The
// weights of 200 units lie in a second-level cache, those of 1150 in none.
func BenchmarkPacked(b *testing.B) {
	for _, kn := range [][2]int{{200, 800}, {800, 200}, {1150, 1150}, {1150, 4600}} {
		for _, m := range []int{1, 2, 3, 5, 6, 20} {
			k, n := kn[0], kn[1]
			b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
				r := newRand(1)
				x, z := normal[float32](r, m*k), make([]float32, m*n)
				var p Packed[float32]
				p.Pack(true, k, n, normal[float32](r, n*k), k)
				for b.Loop() {
					p.Mul(m, x, k, 1, z, n)
				}
				reportProduct(b, m, n, k)
			})
		}
	}
}

func TestPeakFMA(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		if peak := PeakFMA(1); !(peak > 0) {
			t.Errorf("%v GFLOP/s", peak)
		}
	})
}

func BenchmarkPeakFMA(b *testing.B) {
	for _, threads := range []int{1, workers} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			peak := 0.0
			for b.Loop() {
				peak = PeakFMA(threads)
			}
			b.ReportMetric(peak, "GFLOP/s")
		})
	}
}
