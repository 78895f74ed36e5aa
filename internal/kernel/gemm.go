package kernel

import "github.com/engram-lm/engram/internal/pages"

// The product is cut in three ways, all by the shape alone.
//
// k is cut into blocks of at most maxKC: within a block an element of C is summed
// in one accumulator in the order of k, and the blocks are added to C one after
// the other. That alone fixes the bits of an element.
//
// op(B) is packed into panels of nr columns, all its k-blocks at once unless that
// takes more than maxPacked elements.
//
// C is cut into tiles of rows and columns, which are the tasks of the workers.
const (
	maxKC     = 384
	maxPacked = 256 << 10
	serialMNK = 64 * 64 * 64 // below this many multiply-adds a worker's start costs more than it saves
)

// kBlock returns the length of the blocks, all but the last, that k is cut into.
func kBlock(k int) int {
	blocks := max(1, (k+maxKC-1)/maxKC)
	return max(1, (k+blocks-1)/blocks)
}

// Gemm computes C = alpha op(A) op(B) + beta C on the workers, where op(X) is X or
// its transpose, op(A) is [m, k], op(B) is [k, n] and C is [m, n]. With beta = 0
// what C held does not matter. C must not overlap A or B.
//
// The bits of an element of C depend on its row of op(A), its column of op(B), k,
// alpha and beta alone; not on m, n or the number of workers.
func Gemm[F Float](transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	gemm(m*n*k > serialMNK, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// GemmSerial is Gemm on the calling goroutine alone, with the same bits.
func GemmSerial[F Float](transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	gemm(false, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// A product is one call of Gemm: its arguments, its buffers and its tasks. It is
// recycled, tasks included, so that a call allocates nothing.
type product[F Float] struct {
	transA, transB bool
	m, n, k        int
	alpha, beta    F
	a, b, c        []F
	lda, ldb, ldc  int

	kc             int // length of a k-block
	nr             int // columns of a panel
	k0, k1         int // the part of k that is packed now
	packed         []F // panels of op(B)[k0:k1], one k-block after the other
	rows, cols     int // size of a tile of C
	rowTiles       int
	scratch        [][]F // per worker: a block of a transposed A
	packTask       func(i int)
	tileTask       func(worker, i int)
	panels, blocks int // of the packed part
}

var (
	products32 freeList[product[float32]]
	products64 freeList[product[float64]]
)

func products[F Float]() *freeList[product[F]] {
	if list, ok := any(&products32).(*freeList[product[F]]); ok {
		return list
	}
	return any(&products64).(*freeList[product[F]])
}

func gemm[F Float](parallel, transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	checkMatrix("A", transA, m, k, len(a), lda)
	checkMatrix("B", transB, k, n, len(b), ldb)
	checkMatrix("C", false, m, n, len(c), ldc)
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		scaleRows(m, n, beta, c, ldc)
		return
	}
	list := products[F]()
	p := list.get()
	if p == nil {
		p = new(product[F])
		p.packTask, p.tileTask = p.pack, p.tile
	}
	p.transA, p.transB, p.m, p.n, p.k = transA, transB, m, n, k
	p.alpha, p.beta = alpha, beta
	p.a, p.lda, p.b, p.ldb, p.c, p.ldc = a, lda, b, ldb, c, ldc
	p.run(parallel)
	p.a, p.b, p.c = nil, nil, nil
	list.put(p)
}

func (p *product[F]) run(parallel bool) {
	p.nr = panelWidth[F]()
	p.kc = kBlock(p.k)
	p.panels = (p.n + p.nr - 1) / p.nr
	p.chooseTiles()
	for len(p.scratch) < workers {
		p.scratch = append(p.scratch, nil)
	}
	width := p.panels * p.nr
	chunk := p.kc * max(1, maxPacked/(width*p.kc))
	p.packed = grow(p.packed, width*min(chunk, p.k))
	tiles := p.rowTiles * ((p.n + p.cols - 1) / p.cols)
	for p.k0 = 0; p.k0 < p.k; p.k0 = p.k1 {
		p.k1 = min(p.k0+chunk, p.k)
		p.blocks = (p.k1 - p.k0 + p.kc - 1) / p.kc
		if parallel {
			Parallel(p.blocks*p.panels, p.packTask)
			ParallelWorkers(tiles, p.tileTask)
			continue
		}
		for i := range p.blocks * p.panels {
			p.pack(i)
		}
		for i := range tiles {
			p.tile(0, i)
		}
	}
}

// chooseTiles sets the size of a tile of C: its columns meet a part of B that fits
// the second-level cache, and its rows are few enough that some dozens of tiles
// keep the workers evenly busy.
func (p *product[F]) chooseTiles() {
	p.cols = groupColumns(p.kc, p.nr)
	p.rows = 2 * stripRows * min(10, max(1, p.m*min(p.n, p.cols)/(2*stripRows*p.cols*16)))
	p.rowTiles = (p.m + p.rows - 1) / p.rows
}

// groupColumns returns how many columns of B, a multiple of width, take about
// half a megabyte in float32 over k rows.
func groupColumns(k, width int) int {
	return width * max(1, (128<<10)/(k*width))
}

// pack packs panel i of the packed part.
func (p *product[F]) pack(i int) {
	block, panel := i/p.panels, i%p.panels
	k0 := p.k0 + block*p.kc
	kc := min(p.kc, p.k1-k0)
	j := panel * p.nr
	dst := p.packed[(k0-p.k0)*p.panels*p.nr+j*kc:]
	packPanel(p.transB, kc, min(p.nr, p.n-j), p.nr, p.b[offset(p.transB, k0, j, p.ldb):], p.ldb, dst)
}

// tile computes tile i of C over the packed part of k.
func (p *product[F]) tile(worker, i int) {
	row, col := (i%p.rowTiles)*p.rows, (i/p.rowTiles)*p.cols
	m, n := min(p.rows, p.m-row), min(p.cols, p.n-col)
	c := p.c[row*p.ldc+col:]
	for k0 := p.k0; k0 < p.k1; k0 += p.kc {
		kc := min(p.kc, p.k1-k0)
		b := p.packed[(k0-p.k0)*p.panels*p.nr+col*kc:]
		beta := F(1)
		if k0 == 0 {
			beta = p.beta
		}
		a := p.a[offset(p.transA, row, k0, p.lda):]
		if !p.transA {
			mulPanels(m, n, kc, p.alpha, a, p.lda, 1, b, beta, c, p.ldc)
			continue
		}
		s := grow(p.scratch[worker], (m+stripRows-1)/stripRows*stripRows*kc)
		p.scratch[worker] = s
		packStrips(kc, m, a, p.lda, s)
		for i := 0; i < m; i += stripRows {
			mulPanels(min(stripRows, m-i), n, kc, p.alpha, s[i*kc:], 1, stripRows, b, beta, c[i*p.ldc:], p.ldc)
		}
	}
}

// stripRows is the number of rows in a strip of a transposed A: those of the
// largest register tile.
const stripRows = 14

// packStrips copies m columns of a, the rows of op(A), into strips of stripRows,
// each [k, stripRows]. Otherwise each step of k would touch another page.
func packStrips[F Float](k, m int, a []F, lda int, dst []F) {
	if d, ok := narrow(dst); ok && simd.packStrips != nil {
		simd.packStrips(k, m, &as32(a)[0], lda, &d[0])
		return
	}
	for i := 0; i < m; i += stripRows {
		for p := range k {
			copy(dst[i*k+p*stripRows:][:stripRows], a[p*lda+i:p*lda+m])
		}
	}
}

// offset returns where element (i, j) of op(X) lies in X.
func offset(trans bool, i, j, ld int) int {
	if trans {
		i, j = j, i
	}
	return i*ld + j
}

// grow returns a slice of length n, x itself if it is large enough.
func grow[F Float](x []F, n int) []F {
	if cap(x) < n {
		return pages.Make[F](n)
	}
	return x[:n]
}

// scaleRows computes C *= beta, without reading C where beta is zero.
func scaleRows[F Float](m, n int, beta F, c []F, ldc int) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}
