package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// rounded returns x rounded to bfloat16, worked out from its distances to the two
// bfloat16 numbers beside it.
func rounded(x float32) float32 {
	bits := math.Float32bits(x)
	switch {
	case x != x:
		return x
	case bits&0x7f800000 == 0:
		return x * 0
	}
	low := math.Float32frombits(bits & 0xffff0000)
	high := math.Float32frombits(bits&0xffff0000 + 1<<16)
	below := math.Abs(float64(x) - float64(low))
	above := math.Abs(float64(high) - float64(x))
	if math.IsInf(float64(high), 0) { // which stands where the next power of two would
		above = math.Abs(math.Copysign(0x1p128, float64(x)) - float64(x))
	}
	if math.IsInf(float64(x), 0) || below < above || below == above && bits>>16&1 == 0 {
		return low
	}
	return high
}

// special are numbers at the edges: zeros, subnormal and least ones, ties, infinities.
func special() []float32 {
	var x []float32
	for _, bits := range []uint32{0, 1, 0x007fffff, 0x007f8000, 0x00800000, 0x00800001, 0x0080ffff, 0x00ff7fff, 0x00ff8000, 0x01000000,
		0x1f800000, 0x1f7f0000, 0x20008000, 0x3f800000, 0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0x7f7fffff, 0x7f7f7fff, 0x7f7f8000, 0x7f000000, 0x7f800000, 0x7f800001, 0x7fc00000} {
		x = append(x, math.Float32frombits(bits), math.Float32frombits(bits|1<<31))
	}
	return x
}

func sameNumber(x, y float32) bool {
	return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
}

func TestRoundBF16(t *testing.T) {
	r := newRand(1)
	x := special()
	for range 100000 {
		x = append(x, math.Float32frombits(r.Uint32()))
	}
	atEveryLevel(t, func(t *testing.T) {
		for _, n := range append(slices.Clone(sizes), len(x)-1) {
			got := slices.Clone(x[:n+1])[:n]
			roundTo(BF16, got)
			if !sameNumber(got[:n+1][n], x[n]) {
				t.Fatalf("%d numbers: wrote past the end", n)
			}
			for i, v := range got {
				if want := rounded(x[i]); !sameNumber(v, want) {
					t.Fatalf("%x rounds to %x, want %x", math.Float32bits(x[i]), math.Float32bits(v), math.Float32bits(want))
				}
			}
		}
	})
}

// withoutDots runs f as on a processor that has no instructions for bfloat16.
func withoutDots(f func()) {
	dots := simd.dots
	defer func() { simd.dots = dots }()
	simd.dots = nil
	f()
}

// eachMultiplier runs a test of float32 products in bfloat16 for all that multiply
// them: plain Go, multiply-adds on rounded numbers, the processor's instruction.
func eachMultiplier(t *testing.T, f func(t *testing.T)) {
	atEveryLevel(t, func(t *testing.T) {
		f(t)
		if NativeBF16() {
			withoutDots(func() { t.Run("without", f) })
		}
	})
}

// Products in bfloat16 are those of the rounded numbers.
func TestGemmBF16(t *testing.T) {
	eachMultiplier(t, func(t *testing.T) {
		r := newRand(1)
		for _, s := range append(slices.Clone(shapes), [3]int{17, 40, 1501}, [3]int{17, 70, 800}) {
			m, n, k := s[0], s[1], s[2]
			for trans := range 4 {
				transA, transB := trans&1 != 0, trans&2 != 0
				scalars := [][2]float32{{1, 0}, {1, 1}, {-0.5, 2}, {0.5, 0}}[trans]
				alpha, beta := scalars[0], scalars[1]
				a, lda, b, ldb, c, ldc := operands(r, transA, transB, m, n, k)
				ra, rb := slices.Clone(a), slices.Clone(b)
				for _, x := range [][]float32{ra, rb} {
					for i, v := range x {
						x[i] = rounded(v)
					}
				}
				want, size := naive(transA, transB, m, n, k, alpha, ra, lda, rb, ldb, beta, c, ldc)
				got := slices.Clone(c)
				GemmIn(BF16, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, got, ldc)
				checkProduct(t, m, n, got, ldc, want, size)
				for i := range c { // what lies between the rows stays as it was
					if (i%ldc >= n || i/ldc >= m) && got[i] != c[i] {
						t.Fatalf("%v: wrote outside the matrix at %d", s, i)
					}
				}
			}
		}
	})
}

// operands returns random matrices whose rows have numbers between them.
func operands(r *rand.Rand, transA, transB bool, m, n, k int) (a []float32, lda int, b []float32, ldb int, c []float32, ldc int) {
	lda, ldb, ldc = k+3, n+2, n+5
	if transA {
		lda = m + 3
	}
	if transB {
		ldb = k + 2
	}
	return normal[float32](r, (max(m, k)+1)*lda), lda, normal[float32](r, (max(n, k)+1)*ldb), ldb, normal[float32](r, (m+1)*ldc), ldc
}

// The processor's instruction gives the bits of its emulation: on numbers of all
// magnitudes, where sums cancel, overflow and sink below the least normal number,
// and on special ones; whatever the shape, the order in memory and the tile.
func TestBF16HardwareIsEmulation(t *testing.T) {
	defer setLevel(level)
	best := detectLevel()
	r := newRand(2)
	fill := func(x []float32, kind int) {
		edge := special()
		for i := range x {
			switch kind {
			case 0:
				x[i] = float32(r.NormFloat64())
			case 1: // about 2^-63: products about the least normal number
				x[i] = float32(math.Ldexp(r.NormFloat64(), -63+r.IntN(5)-2))
			case 2: // products about the largest
				x[i] = float32(math.Ldexp(r.NormFloat64(), 60+r.IntN(7)))
			case 3: // any bits
				x[i] = math.Float32frombits(r.Uint32())
			case 4:
				x[i] = edge[r.IntN(len(edge)-6)] // no NaN and no infinity
			default:
				x[i] = edge[r.IntN(len(edge))]
			}
		}
	}
	var packed Packed[float32]
	packed.In = BF16
	for _, s := range append(slices.Clone(shapes), [3]int{17, 40, 1501}, [3]int{15, 70, 800}, [3]int{1, 40, 37}, [3]int{2, 300, 2}, [3]int{3, 200, 64}, [3]int{4, 100, 99}, [3]int{6, 129, 7}) {
		m, n, k := s[0], s[1], s[2]
		for kind := range 6 {
			if m*n*k > 1<<20 && kind > 0 {
				continue // the emulation is slow
			}
			for trans := range 4 {
				transA, transB := trans&1 != 0, trans&2 != 0
				a, lda, b, ldb, c, ldc := operands(r, transA, transB, m, n, k)
				fill(a, kind)
				fill(b, kind)
				fill(c, kind)
				beta := float32(trans % 2)
				product := func(l levelKind) []float32 {
					setLevel(l)
					got := slices.Clone(c)
					GemmIn(BF16, transA, transB, m, n, k, 1, a, lda, b, ldb, beta, got, ldc)
					return got
				}
				want := product(levelGo)
				check := func(what string, got []float32) {
					t.Helper()
					for i := range want {
						if !sameNumber(got[i], want[i]) {
							t.Fatalf("%v, kind %d, transposed %v %v: %s gives %x at %d, the emulation %x", s, kind, transA, transB, what, math.Float32bits(got[i]), i, math.Float32bits(want[i]))
						}
					}
				}
				if setLevel(best); !NativeBF16() {
					continue // the emulation is held by TestAddProduct
				}
				check("Gemm", product(best))
				if transA {
					continue
				}
				packed.Pack(transB, k, n, b, ldb)
				got := slices.Clone(c)
				packed.Mul(m, a, lda, beta, got, ldc)
				check("Packed.Mul", got)
			}
		}
	}
}

// What a sum of three numbers is when it is rounded once, from exact arithmetic.
func TestAddProduct(t *testing.T) {
	r := newRand(3)
	edge := special()
	number := func(i int) float32 {
		switch i % 4 {
		case 0:
			return math.Float32frombits(r.Uint32())
		case 1:
			return float32(math.Ldexp(r.NormFloat64(), -r.IntN(130)))
		case 2:
			return float32(math.Ldexp(float64(r.IntN(1<<24)), -150+r.IntN(40)))
		}
		return edge[r.IntN(len(edge))]
	}
	for i := range 200000 {
		sum, x, y := number(r.IntN(4)), roundBF16(number(r.IntN(4))), roundBF16(number(r.IntN(4)))
		if i%3 == 0 { // near cancellation
			sum = -x*y + float32(math.Ldexp(float64(sum), -20))
		}
		if got, want := addProduct(sum, x, y), exactSum(sum, x, y); !sameNumber(got, want) {
			t.Fatalf("%x + %x %x = %x, want %x", math.Float32bits(sum), math.Float32bits(x), math.Float32bits(y), math.Float32bits(got), math.Float32bits(want))
		}
	}
}
