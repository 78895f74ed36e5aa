package kernel

import (
	"fmt"
	"math"
)

// Gathered is a matrix [len(Rows), len(Columns)] that lies nowhere as such: its
// element (i, p) is X[Rows[i]+Columns[p]]. The windows of a convolution are one, with
// a row a place and a column an element of the window; the images of all windows need
// never be written. No offset is negative.
type Gathered[F Float] struct {
	X             []F
	Rows, Columns []int32
}

// Mul computes C = A B + D on the calling goroutine, for B [len(Columns), n], whose
// rows are ldb elements apart, and rows of C that begin at the offsets to:
//
//	c[to[i]+j] = sum_p X[Rows[i]+Columns[p]] b[p ldb+j] + d[from[i]+j],  j < n
//
// With d nil there is no D, and with from nil its first row serves for all. D may be
// C. Rows of C must not overlap, nor C the matrices. The bits are Gemm's.
func (a Gathered[F]) Mul(n int, b []F, ldb int, d []F, from []int32, c []F, to []int32) {
	k := len(a.Columns)
	a.check(n, b, ldb, d, from, c, to)
	if len(a.Rows) == 0 || n == 0 {
		return
	}
	length := kBlock(F32, k)
	for k0 := 0; k0 == 0 || k0 < k; k0 += length {
		block := a.Columns[k0:min(k0+length, k)]
		if x, ok := narrow(a.X); ok && len(block) > 0 {
			simd.mulGathered(x, a.Rows, block, n, as32(b[k0*ldb:]), ldb, as32(d), from, as32(c), to)
		} else {
			mulGathered(a.X, a.Rows, block, n, b[min(k0*ldb, len(b)):], ldb, d, from, c, to)
		}
		d, from = c, to
	}
}

// mulGathered is a block of Mul, whose sums are added to D as a whole.
func mulGathered[F Float](x []F, rows, columns []int32, n int, b []F, ldb int, d []F, from []int32, c []F, to []int32) {
	for j := 0; j < n; j += goNR {
		width := min(goNR, n-j)
		for i, row := range rows {
			sums := dotGathered(x[min(int(row), len(x)):], columns, b[min(j, len(b)):], ldb, width)
			out := c[int(to[i])+j:][:width]
			if d == nil {
				copy(out, sums[:])
				continue
			}
			first := j
			if from != nil {
				first += int(from[i])
			}
			for q, v := range d[first:][:width] {
				out[q] = sums[q] + v
			}
		}
	}
}

// dotGathered returns the products of one row with the columns of a panel as it lies.
func dotGathered[F Float](x []F, columns []int32, b []F, ldb, width int) (s [goNR]F) {
	if width < goNR {
		for p, column := range columns {
			for q, w := range b[p*ldb:][:width] {
				s[q] += x[column] * w
			}
		}
		return s
	}
	var s0, s1, s2, s3 F
	for p, column := range columns {
		b := b[p*ldb:][:goNR]
		v := x[column]
		s0 += v * b[0]
		s1 += v * b[1]
		s2 += v * b[2]
		s3 += v * b[3]
	}
	return [goNR]F{s0, s1, s2, s3}
}

// check panics where Mul would reach outside of its slices.
func (a Gathered[F]) check(n int, b []F, ldb int, d []F, from []int32, c []F, to []int32) {
	m, k := len(a.Rows), len(a.Columns)
	checkMatrix("B", false, k, n, len(b), ldb)
	switch {
	case len(to) < m || from != nil && len(from) < m:
		panic(fmt.Sprintf("kernel: offsets of %d and %d rows; want %d", len(to), len(from), m))
	case m == 0 || n == 0:
	case k > 0 && furthest(a.Rows)+furthest(a.Columns) >= len(a.X),
		furthest(to[:m])+n > len(c),
		d != nil && from == nil && n > len(d),
		d != nil && from != nil && furthest(from[:m])+n > len(d):
		panic("kernel: offsets of a gathered product that leave its matrices")
	}
}

// furthest returns the largest of some offsets, or panics if one is negative.
func furthest(offsets []int32) int {
	var most uint32
	if simd != nil {
		most = simd.furthest(offsets)
	} else {
		for _, x := range offsets {
			most = max(most, uint32(x))
		}
	}
	if most > math.MaxInt32 {
		panic("kernel: a negative offset")
	}
	return int(most)
}
