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
	checkMatrix("A", false, m, p.k, len(a), lda)
	checkMatrix("C", false, m, p.n, len(c), ldc)
	if m == 0 || p.n == 0 {
		return
	}
	if p.k == 0 {
		scaleRows(m, p.n, beta, c, ldc)
		return
	}
	width := (p.n + p.nr - 1) / p.nr * p.nr
	few := fewRows[F]()
	var q *product[F] // whose memory the strips take
	if m > few {
		q = newProduct[F]()
	}
	for k0 := 0; k0 < p.k; k0 += p.kc {
		kc, b := min(p.kc, p.k-k0), p.panels[k0*width:]
		if m <= few {
			mulRows(m, p.n, kc, a[k0:], lda, b, beta, c, ldc)
		} else {
			q.mulPacked(m, p.n, kc, a[k0:], lda, b, beta, c, ldc)
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
