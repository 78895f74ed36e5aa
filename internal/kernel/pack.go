package kernel

// upcoming is what is packed next: n rows of k elements, which transpose. The
// tiles before it fetch its lines while they multiply, so that packing need not
// wait for memory.
type upcoming[F Float] struct {
	x    []F // from its first element on
	ld   int
	n, k int
	per  int // numbers that a tile multiplies in a step
}

// lines returns what one of many tiles of so many steps is to fetch: from element first
// on and stride elements further, moving by step elements each two steps.
func (u *upcoming[F]) lines(tile, steps int) (first, stride, step int) {
	const line = 64 / 4 // elements of float32
	switch {
	case u.ld != u.k: // two rows a tile
		first, stride, step = 2*tile*u.ld, u.ld, 2*u.per
	case u.per == 2: // one stretch, two lines at a time
		first, stride, step = tile*steps*line, line, 2*line
	default: // line by line
		first, step = tile*steps*line/2, line
	}
	if first >= min(len(u.x), u.n*u.ld) {
		return 0, 0, 0
	}
	return first, stride, step
}

// packPanel packs the first k rows and n <= nr columns of op(B), which begins at
// b, as a panel: row after row, each padded with zeros to nr, rounded to a
// precision.
func packPanel[F Float](in Precision, trans bool, k, n, nr int, b []F, ldb int, dst []F) {
	if d := dotsOf[F](in); d != nil {
		d.packPanel(trans, k, n, nr, as32(b), ldb, as32(dst))
		return
	}
	dst = dst[:k*nr]
	defer roundTo(in, dst)
	if !trans {
		for p := range k {
			row := dst[p*nr : (p+1)*nr]
			copy(row, b[p*ldb:p*ldb+n])
			clear(row[n:])
		}
		return
	}
	transpose(k, n, nr, b, ldb, dst)
	if n < nr {
		for p := range k {
			clear(dst[p*nr+n : (p+1)*nr])
		}
	}
}

// packStrips packs k columns and m rows of op(A), which begins at a, into strips
// of the given number of rows: a column after the other, each with room for mr
// elements, rounded to a precision.
func packStrips[F Float](in Precision, trans bool, k, m, rows, mr int, a []F, lda int, dst []F) {
	if d := dotsOf[F](in); d != nil {
		d.packStrips(trans, k, m, rows, mr, as32(a), lda, as32(dst))
		return
	}
	defer roundTo(in, dst[:(m+rows-1)/rows*mr*k])
	if d, ok := narrow(dst); ok && trans && simd.packStrips != nil {
		simd.packStrips(k, m, rows, &as32(a)[0], lda, &d[0])
		return
	}
	for i := 0; i < m; i += rows {
		strip, n := dst[i/rows*mr*k:], min(rows, m-i)
		if !trans {
			transpose(k, n, mr, a[i*lda:], lda, strip)
			continue
		}
		for p := range k {
			copy(strip[p*mr:][:n], a[p*lda+i:])
		}
	}
}

// Transpose computes dst [k, n] = the transpose of src [n, k], with rows ldd and ld
// elements apart.
func Transpose[F Float](n, k int, src []F, ld int, dst []F, ldd int) {
	checkMatrix("the transpose", false, k, n, len(dst), ldd)
	checkMatrix("what is transposed", false, n, k, len(src), ld)
	transpose(k, n, ldd, src, ld, dst)
}

// transpose computes dst [k, n] = the transpose of src [n, k].
func transpose[F Float](k, n, ldd int, src []F, ld int, dst []F) {
	if d, ok := narrow(dst); ok && k >= 8 && n >= 8 {
		// Blocks of eight; the last ones overlap those before.
		for j := 0; ; j = min(j+8, n-8) {
			simd.transpose(k, as32(src[j*ld:]), ld, d[j:], ldd)
			if j == n-8 {
				return
			}
		}
	}
	for j := range n {
		for p, x := range src[j*ld : j*ld+k] {
			dst[p*ldd+j] = x
		}
	}
}
