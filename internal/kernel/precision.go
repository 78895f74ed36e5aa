package kernel

import (
	"fmt"
	"math"
)

// Precision says to what the inputs of a matrix product are rounded. Sums and
// results are of the element type at any precision, and products of float64, which
// are for gradient checks, round nothing.
type Precision uint8

const (
	// F32 rounds nothing.
	F32 Precision = iota
	// BF16 rounds to bfloat16, the upper half of a float32, to the nearest, ties to
	// even; a subnormal number becomes zero.
	BF16
)

var precisionNames = [...]string{F32: "f32", BF16: "bf16"}

func (p Precision) String() string { return precisionNames[p] }

// ParsePrecision returns the precision of a name, f32 or bf16.
func ParsePrecision(name string) (Precision, error) {
	for p, known := range precisionNames {
		if name == known {
			return Precision(p), nil
		}
	}
	return F32, fmt.Errorf("precision %q is not known: want f32 or bf16", name)
}

// NativeBF16 reports whether the processor multiplies bfloat16 itself, twice as
// fast as float32. Another one multiplies the rounded numbers as float32.
func NativeBF16() bool { return simd != nil && simd.dots != nil }

// LevelOf names the instructions that products of a precision run on: Level, and
// where the processor multiplies bfloat16 itself that too.
func LevelOf(p Precision) string {
	if p == BF16 && NativeBF16() {
		return Level() + "-bf16"
	}
	return Level()
}

// dotsOf returns the routines for products of precision in, nil unless the
// processor multiplies bfloat16 itself and F is float32.
func dotsOf[F Float](in Precision) *dotRoutines {
	if _, ok := narrow([]F(nil)); ok && in == BF16 {
		return simd.dots
	}
	return nil
}

// numbersPer returns how many numbers an element of a packed matrix holds: pairs
// of bfloat16, or one.
func numbersPer[F Float](in Precision) int {
	if dotsOf[F](in) != nil {
		return 2
	}
	return 1
}

// stepsOf returns how many elements of a packed matrix k numbers take.
func stepsOf[F Float](in Precision, k int) int {
	per := numbersPer[F](in)
	return (k + per - 1) / per
}

// roundTo rounds x to a precision.
func roundTo[F Float](in Precision, x []F) {
	if in != BF16 {
		return
	}
	if x32, ok := narrow(x); ok {
		simd.roundBF16(x32)
		return
	}
	if x32, ok := any(x).([]float32); ok {
		for i, v := range x32 {
			x32[i] = roundBF16(v)
		}
	}
}

// roundBF16 rounds x to bfloat16.
func roundBF16(x float32) float32 {
	const upper, quiet = 0xffff0000, 0x00400000
	bits := math.Float32bits(flush(x))
	if x != x {
		return math.Float32frombits((bits | quiet) & upper)
	}
	return math.Float32frombits((bits + 0x7fff + bits>>16&1) & upper)
}

// flush returns x, or a zero of its sign if it is subnormal.
func flush(x float32) float32 {
	const exponent, sign = 0x7f800000, 1 << 31
	if bits := math.Float32bits(x); bits&exponent == 0 {
		return math.Float32frombits(bits & sign)
	}
	return x
}

// addProduct returns sum + x y as VDPBF16PS does it for each of its two products,
// of numbers rounded to bfloat16: rounded once, to the nearest, ties to even, after
// an exact product that nothing overflows or flushes; subnormal numbers are zero,
// whether they come in or would come out. float64 holds the product exactly, and
// the sum so closely that rounding it again does no harm: where it is not exact the
// smaller of the two lies far below the other's last bit.
func addProduct(sum, x, y float32) float32 {
	const least = 0x1p-126 // normal number
	exact := float64(flush(sum)) + float64(flush(x))*float64(flush(y))
	if math.Abs(exact) >= least || exact == 0 || exact != exact {
		return float32(exact)
	}
	// What rounds up to a normal number with no bound to the exponent is one.
	if math.Abs(float64(float32(exact*0x1p64))) < least*0x1p64 {
		return float32(math.Copysign(0, exact))
	}
	return float32(math.Copysign(least, exact))
}

// mulPanelsBF16 is mulPanels for numbers rounded to bfloat16: two by two along k,
// the odd one first, as the processor's instruction takes them. Where there is no
// odd one it adds a product of zeros.
func mulPanelsBF16(m, n, k int, alpha float32, a []float32, rs, ks int, b []float32, beta float32, c []float32, ldc int) {
	for j := range n {
		panel := b[j/goNR*goNR*k+j%goNR:]
		for i := range m {
			row, sum := a[i*rs:], float32(0)
			for p := 0; p < k; p += 2 {
				if p+1 < k {
					sum = addProduct(sum, row[(p+1)*ks], panel[(p+1)*goNR])
				} else {
					sum = addProduct(sum, 0, 0)
				}
				sum = addProduct(sum, row[p*ks], panel[p*goNR])
			}
			storeRow(alpha, []float32{sum}, beta, c[i*ldc+j:])
		}
	}
}
