package kernel

import "fmt"

// Packed is a matrix op(B) [k, n] laid out once for many products with few rows,
// as a recurrent weight is multiplied at every step of a window. The zero value
// is empty; Pack fills it and may be called again.
type Packed[F Float] struct {
	k, n, kc, nr int
	panels       []F
}

// Pack copies op(B) [k, n] into p, reusing its memory.
func (p *Packed[F]) Pack(trans bool, k, n int, b []F, ldb int) {
	checkMatrix("B", trans, k, n, len(b), ldb)
	p.k, p.n, p.kc, p.nr = k, n, kBlock(k), panelWidth[F]()
	width := (n + p.nr - 1) / p.nr * p.nr
	p.panels = grow(p.panels, width*k)
	for k0 := 0; k0 < k; k0 += p.kc {
		kc := min(p.kc, k-k0)
		for j := 0; j < n; j += p.nr {
			packPanel(trans, kc, min(p.nr, n-j), p.nr, b[offset(trans, k0, j, ldb):], ldb, p.panels[k0*width+j*kc:])
		}
	}
}

// Mul computes C = A op(B) + beta C on the calling goroutine, where A is [m, k]
// and C is [m, n]; with beta = 0 what C held does not matter. A row of C has the
// same bits whatever m and the other rows are, and the same as by Gemm. Several
// goroutines may use one p at a time.
func (p *Packed[F]) Mul(m int, a []F, lda int, beta F, c []F, ldc int) {
	p.check(m, a, lda, c, ldc)
	if m == 0 || p.n == 0 {
		return
	}
	if p.k == 0 {
		scaleRows(m, p.n, beta, c, ldc)
		return
	}
	p.mulColumns(0, p.n, m, a, lda, beta, c, ldc)
}

// shareNumbers is how many numbers of a Packed a worker multiplies by at once: a
// megabyte of float32, which takes long enough to be worth a hand-over.
const shareNumbers = 1 << 18

// MulParallel is Mul, bit for bit, on all cores where p is large.
func (p *Packed[F]) MulParallel(m int, a []F, lda int, beta F, c []F, ldc int) {
	if m == 0 || p.k*p.n < 2*shareNumbers {
		p.Mul(m, a, lda, beta, c, ldc)
		return
	}
	p.check(m, a, lda, c, ldc)
	columns := max(1, shareNumbers/(p.k*p.nr)) * p.nr
	Parallel((p.n+columns-1)/columns, func(i int) {
		p.mulColumns(i*columns, min(p.n, (i+1)*columns), m, a, lda, beta, c, ldc)
	})
}

func (p *Packed[F]) check(m int, a []F, lda int, c []F, ldc int) {
	checkMatrix("A", false, m, p.k, len(a), lda)
	checkMatrix("C", false, m, p.n, len(c), ldc)
}

// mulColumns computes the columns [j0, j1) of C; j0 is where a panel begins.
func (p *Packed[F]) mulColumns(j0, j1, m int, a []F, lda int, beta F, c []F, ldc int) {
	n := j1 - j0
	c = c[j0:]
	width := (p.n + p.nr - 1) / p.nr * p.nr
	few := fewRows[F]()
	var q *product[F] // whose memory the strips take
	if m > few {
		q = newProduct[F]()
	}
	for k0 := 0; k0 < p.k; k0 += p.kc {
		kc := min(p.kc, p.k-k0)
		b := p.panels[k0*width+j0*kc:]
		if m <= few {
			mulRows(m, n, kc, a[k0:], lda, b, beta, c, ldc)
		} else {
			q.mulPacked(m, n, kc, a[k0:], lda, b, beta, c, ldc)
		}
		beta = 1
	}
	if q != nil {
		q.free()
	}
}

// mulPacked multiplies rows of A, of which it packs strips, by packed panels.
func (p *product[F]) mulPacked(m, n, kc int, a []F, lda int, b []F, beta F, c []F, ldc int) {
	mr, nr := stripRows[F](), panelWidth[F]()
	strips, rows := deal(m, mr)
	p.shared = grow(p.shared, strips*mr*kc)
	packStrips(false, kc, m, rows, mr, a, lda, p.shared)
	group := nr * groupPanels(kc, nr)
	for j := 0; j < n; j += group {
		for i := 0; i < m; i += rows {
			mulStrip(min(rows, m-i), min(group, n-j), kc, 1, p.shared[i/rows*mr*kc:], b[j*kc:], beta, c[i*ldc+j:], ldc, nil, 0)
		}
	}
}

// checkMatrix panics unless length elements hold op(X) [rows, cols] with leading
// dimension ld.
func checkMatrix(name string, trans bool, rows, cols, length, ld int) {
	if trans {
		rows, cols = cols, rows
	}
	if rows < 0 || cols < 0 || ld < cols || (rows > 0 && cols > 0 && length < (rows-1)*ld+cols) {
		panic(fmt.Sprintf("kernel: %s of %d elements cannot hold [%d, %d] with leading dimension %d", name, length, rows, cols, ld))
	}
}
