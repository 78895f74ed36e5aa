package kernel

// The product is cut in three ways, all by the shape alone.
//
// k is cut into blocks of at most maxKC: within a block an element of C is summed
// in one accumulator in the order of k, and the blocks are added to C one after
// the other. That alone fixes the bits of an element.
//
// op(A) is packed into strips of rows and op(B) into panels of columns, in the
// order in which the register tiles read them. The smaller one is packed first,
// for all, over as much of k as takes maxShared elements.
//
// The strips or panels of the other one are the tasks of the workers: each packs
// its own, into memory that stays in its caches, and multiplies them.
const (
	maxKC     = 384
	maxShared = 256 << 10
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
	mr, rows       int // rows that a strip has room for, and that it has
	nr             int // columns of a panel
	strips, panels int
	byRows         bool  // a task takes strips, otherwise panels
	group          int   // how many
	k0, k1         int   // the part of k in hand
	blocks         int   // k-blocks of it
	shared         []F   // what all tasks multiply by, one k-block after the other
	scratch        [][]F // per worker: what its task multiplies
	packTask       func(i int)
	mulTask        func(worker, i int)
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
	p := newProduct[F]()
	p.transA, p.transB, p.m, p.n, p.k = transA, transB, m, n, k
	p.alpha, p.beta = alpha, beta
	p.a, p.lda, p.b, p.ldb, p.c, p.ldc = a, lda, b, ldb, c, ldc
	p.run(parallel)
	p.free()
}

func newProduct[F Float]() *product[F] {
	p := products[F]().get()
	if p == nil {
		p = new(product[F])
		p.packTask, p.mulTask = p.packShared, p.multiply
	}
	return p
}

func (p *product[F]) free() {
	p.a, p.b, p.c = nil, nil, nil
	products[F]().put(p)
}

func (p *product[F]) run(parallel bool) {
	p.cut()
	for len(p.scratch) < workers {
		p.scratch = append(p.scratch, nil)
	}
	shared, width, tasks := p.strips, p.mr, p.panels
	if p.byRows {
		shared, width, tasks = p.panels, p.nr, p.strips
	}
	tasks = (tasks + p.group - 1) / p.group
	width *= shared
	chunk := p.kc * max(1, maxShared/(width*p.kc))
	p.shared = grow(p.shared, width*min(chunk, p.k))
	for p.k0 = 0; p.k0 < p.k; p.k0 = p.k1 {
		p.k1 = min(p.k0+chunk, p.k)
		p.blocks = (p.k1 - p.k0 + p.kc - 1) / p.kc
		if parallel {
			Parallel(p.blocks*shared, p.packTask)
			ParallelWorkers(tasks, p.mulTask)
			continue
		}
		for i := range p.blocks * shared {
			p.packShared(i)
		}
		for i := range tasks {
			p.multiply(0, i)
		}
	}
}

// Some dozens of tasks keep the workers evenly busy. Fewer and larger ones read
// what is shared less often and write C in longer pieces.
const (
	fewTasks  = 16
	maxStrips = 20 // of a task: half a megabyte of op(A)
	maxPanels = 16 // of a task: a second-level cache also holds the strips
)

// cut sets the sizes of strips, panels and tasks. The rows are dealt evenly to
// the strips.
func (p *product[F]) cut() {
	p.kc, p.mr, p.nr = kBlock(p.k), stripRows[F](), panelWidth[F]()
	p.strips, p.rows = deal(p.m, p.mr)
	p.panels = (p.n + p.nr - 1) / p.nr
	p.byRows = p.m > p.n || p.strips >= 2*fewTasks && p.n*p.kc <= maxShared
	p.group = min(maxPanels, max(1, p.panels/fewTasks))
	if p.byRows {
		p.group = min(maxStrips, max(1, p.strips/fewTasks))
	}
}

// deal deals m rows evenly to as few strips of at most mr as take them.
func deal(m, mr int) (strips, rows int) {
	strips = (m + mr - 1) / mr
	rows = (m + strips - 1) / strips
	return (m + rows - 1) / rows, rows
}

// packShared packs strip or panel i of the part of k in hand.
func (p *product[F]) packShared(i int) {
	count, width := p.strips, p.mr
	if p.byRows {
		count, width = p.panels, p.nr
	}
	k0 := p.k0 + i/count*p.kc
	i %= count
	kc := min(p.kc, p.k1-k0)
	dst := p.shared[((k0-p.k0)*count+i*kc)*width:]
	if p.byRows {
		p.packPanels(k0, kc, i, 1, dst)
	} else {
		p.packStrips(k0, kc, i, 1, dst)
	}
}

// packStrips packs count strips of rows k0 to k0+kc of op(A), from strip i on.
func (p *product[F]) packStrips(k0, kc, i, count int, dst []F) {
	i *= p.rows
	packStrips(p.transA, kc, min(count*p.rows, p.m-i), p.rows, p.mr, p.a[offset(p.transA, i, k0, p.lda):], p.lda, dst)
}

// packPanels packs count panels of rows k0 to k0+kc of op(B), from panel j on.
func (p *product[F]) packPanels(k0, kc, j, count int, dst []F) {
	for j *= p.nr; count > 0 && j < p.n; j += p.nr {
		packPanel(p.transB, kc, min(p.nr, p.n-j), p.nr, p.b[offset(p.transB, k0, j, p.ldb):], p.ldb, dst)
		dst = dst[kc*p.nr:]
		count--
	}
}

// multiply does task i over the part of k in hand.
func (p *product[F]) multiply(worker, i int) {
	i *= p.group
	for k0 := p.k0; k0 < p.k1; k0 += p.kc {
		kc := min(p.kc, p.k1-k0)
		beta := F(1)
		if k0 == 0 {
			beta = p.beta
		}
		width := p.nr
		if p.byRows {
			width = p.mr
		}
		own := grow(p.scratch[worker], p.group*width*kc)
		p.scratch[worker] = own
		if p.byRows {
			p.packStrips(k0, kc, i, p.group, own)
			group := groupPanels(kc, p.nr)
			for j := 0; j < p.panels; j += group {
				p.mulStrips(kc, i, min(i+p.group, p.strips), own, j, min(j+group, p.panels), p.shared[((k0-p.k0)*p.panels+j*kc)*p.nr:], beta)
			}
		} else {
			p.packPanels(k0, kc, i, p.group, own)
			p.mulStrips(kc, 0, p.strips, p.shared[(k0-p.k0)*p.strips*p.mr:], i, min(i+p.group, p.panels), own, beta)
		}
	}
}

// mulStrips multiplies strips i0 to i1 by panels j0 to j1.
func (p *product[F]) mulStrips(kc, i0, i1 int, strips []F, j0, j1 int, panels []F, beta F) {
	col := j0 * p.nr
	n := min(j1*p.nr, p.n) - col
	for i := i0; i < i1; i++ {
		row := i * p.rows
		mulStrip(min(p.rows, p.m-row), n, kc, p.alpha, strips[(i-i0)*p.mr*kc:], panels, beta, p.c[row*p.ldc+col:], p.ldc)
	}
}

// groupPanels returns how many panels of k rows take about half a megabyte in
// float32.
func groupPanels(k, nr int) int { return max(1, (128<<10)/(k*nr)) }

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
		return make([]F, n)
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
