package kernel

import "fmt"

// Packed is a matrix op(B) [k, n] laid out once for many products with few rows,
// as a recurrent weight is multiplied at every step of a window. The zero value
// is empty; Pack fills it and may be called again.
type Packed[F Float] struct {
	// In is the precision that both matrices of its products are rounded to. It is
	// set before Pack.
	In Precision

	k, n, kc, nr int
	panels       []F
}

// Pack copies op(B) [k, n] into p, reusing its memory.
func (p *Packed[F]) Pack(trans bool, k, n int, b []F, ldb int) {
	checkMatrix("B", trans, k, n, len(b), ldb)
	p.k, p.n, p.kc, p.nr = k, n, kBlock(p.In, k), panelWidth[F]()
	width := (n + p.nr - 1) / p.nr * p.nr
	GrowPages(&p.panels, width*p.steps(k))
	for k0 := 0; k0 < k; k0 += p.kc {
		kc := min(p.kc, k-k0)
		for j := 0; j < n; j += p.nr {
			packPanel(p.In, trans, kc, min(p.nr, n-j), p.nr, b[offset(trans, k0, j, ldb):], ldb, p.panels[p.steps(k0)*width+j*p.steps(kc):])
		}
	}
}

// steps returns how many elements k numbers take.
func (p *Packed[F]) steps(k int) int { return stepsOf[F](p.In, k) }

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
	var q *product[F] // whose memory the strips take, or the rounded rows
	if m > few || p.In != F32 {
		q = newProduct[F]()
	}
	if m <= few && p.In != F32 {
		a, lda = q.roundRows(p.In, m, p.k, a, lda)
	}
	for k0 := 0; k0 < p.k; k0 += p.kc {
		kc := min(p.kc, p.k-k0)
		b := p.panels[p.steps(k0)*width+j0*p.steps(kc):]
		if m <= few {
			mulRows(p.In, m, n, kc, a[p.steps(k0):], lda, b, beta, c, ldc)
		} else {
			q.mulPacked(p.In, m, n, kc, a[k0:], lda, b, beta, c, ldc)
		}
		beta = 1
	}
	if q != nil {
		q.free()
	}
}

// roundRows rounds A [m, k] for mulRows and returns it and its leading dimension.
func (p *product[F]) roundRows(in Precision, m, k int, a []F, lda int) ([]F, int) {
	width := stepsOf[F](in, k)
	GrowPages(&p.shared, m*width)
	for i := range m {
		row := p.shared[i*width : (i+1)*width]
		if d := dotsOf[F](in); d != nil {
			d.pairRow(k, &as32(a)[i*lda], &as32(row)[0])
			continue
		}
		copy(row, a[i*lda:])
		roundTo(in, row)
	}
	return p.shared, width
}

// mulPacked multiplies rows of A, of which it packs strips, by packed panels.
func (p *product[F]) mulPacked(in Precision, m, n, kc int, a []F, lda int, b []F, beta F, c []F, ldc int) {
	mr, nr := stripRows[F](), panelWidth[F]()
	strips, rows := deal(m, mr)
	steps := stepsOf[F](in, kc)
	GrowPages(&p.shared, strips*mr*steps)
	packStrips(in, false, kc, m, rows, mr, a, lda, p.shared)
	group := nr * groupPanels(steps, nr)
	for j := 0; j < n; j += group {
		for i := 0; i < m; i += rows {
			mulStrip(in, min(rows, m-i), min(group, n-j), kc, 1, p.shared[i/rows*mr*steps:], b[j*steps:], 0, beta, c[i*ldc+j:], ldc, nil, 0)
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
