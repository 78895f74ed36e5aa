package kernel

// The product is cut in three ways, all by the shape alone.
//
// k is cut into blocks of at most maxKC, in bfloat16 twice that: within a block an
// element of C is summed in one accumulator in the order of k (but see
// mulPanelsBF16), and the blocks are added to C one after the other. That alone
// fixes the bits of an element.
//
// op(A) is packed into strips of rows and op(B) into panels of columns, in the
// order in which the register tiles read them. One of the two is packed first, for
// all, over as much of k as takes maxShared elements; or, if it is a B whose rows lie
// one after the other and a k-block of it fits a second-level cache, the tiles read it
// where it lies: then nothing is packed that another core must fetch.
//
// The strips or panels of the other one are the tasks of the workers: each packs
// its own, into memory that stays in its caches, and multiplies them.
const (
	maxKC     = 384
	maxShared = 256 << 10
	serialMNK = 64 * 64 * 64 // below this many multiply-adds a worker's start costs more than it saves
)

// kBlock returns the length of the blocks, all but the last, that k is cut into: in
// bfloat16 an even one.
func kBlock(in Precision, k int) int {
	most, unit := maxKC, 1
	if in == BF16 {
		most, unit = 2*maxKC, 2
	}
	blocks := max(1, (k+most-1)/most)
	return max(1, (k+blocks*unit-1)/(blocks*unit)) * unit
}

// Gemm computes C = alpha op(A) op(B) + beta C on the workers, where op(X) is X or
// its transpose, op(A) is [m, k], op(B) is [k, n] and C is [m, n]. With beta = 0
// what C held does not matter. C must not overlap A or B.
//
// The bits of an element of C depend on its row of op(A), its column of op(B), k,
// alpha and beta alone; not on m, n or the number of workers.
func Gemm[F Float](transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	GemmIn(F32, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// GemmIn is Gemm with A and B rounded to a precision.
func GemmIn[F Float](in Precision, transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	gemm(m*n*k > serialMNK, in, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// GemmSerial is Gemm on the calling goroutine alone, with the same bits.
func GemmSerial[F Float](transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
	gemm(false, F32, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// A product is one call of Gemm: its arguments, its buffers and its tasks. It is
// recycled, tasks included, so that a call allocates nothing.
type product[F Float] struct {
	in             Precision
	transA, transB bool
	m, n, k        int
	alpha, beta    F
	a, b, c        []F
	lda, ldb, ldc  int

	per            int // numbers of k in an element of what is packed, whose sizes are in elements
	kc             int // length of a k-block, a multiple of per
	mr, rows       int // rows that a strip has room for, and that it has
	nr             int // columns of a panel
	strips, panels int
	byRows         bool          // tasks take strips and share the panels, otherwise the reverse
	group          int           // how many at most
	tasks          int           // that they are dealt to
	inPlace        bool          // the panels that tasks share are B as it lies
	k0, k1         int           // the part of k in hand
	blocks         int           // k-blocks of it
	shared         []F           // what all tasks multiply by, one k-block after the other
	scratch        [][]F         // per worker: what its task multiplies
	ahead          []upcoming[F] // per worker: what it packs next
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

func gemm[F Float](parallel bool, in Precision, transA, transB bool, m, n, k int, alpha F, a []F, lda int, b []F, ldb int, beta F, c []F, ldc int) {
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
	p.in, p.transA, p.transB, p.m, p.n, p.k = in, transA, transB, m, n, k
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
	clear(p.ahead)
	products[F]().put(p)
}

func (p *product[F]) run(parallel bool) {
	p.cut()
	for len(p.scratch) < workers {
		p.scratch, p.ahead = append(p.scratch, nil), append(p.ahead, upcoming[F]{})
	}
	shared, width := p.strips, p.mr
	if p.byRows {
		shared, width = p.panels, p.nr
	}
	width *= shared
	chunk := p.kc * max(1, maxShared/(width*p.steps(p.kc)))
	if p.inPlace {
		chunk, shared = p.k, 0
	} else {
		GrowPages(&p.shared, width*p.steps(min(chunk, p.k)))
	}
	for p.k0 = 0; p.k0 < p.k; p.k0 = p.k1 {
		p.k1 = min(p.k0+chunk, p.k)
		p.blocks = (p.k1 - p.k0 + p.kc - 1) / p.kc
		if parallel {
			Parallel(p.blocks*shared, p.packTask)
			ParallelWorkers(p.tasks, p.mulTask)
			continue
		}
		for i := range p.blocks * shared {
			p.packShared(i)
		}
		for i := range p.tasks {
			p.multiply(0, i)
		}
	}
}

// Some dozens of tasks keep the workers evenly busy. Fewer and larger ones read
// what is shared less often and write C in longer pieces.
const (
	fewTasks  = 16
	maxStrips = 20 // of a task: half a megabyte of op(A)
	maxPanels = 16 // of a task: two kilobytes of a row of C
	fewStrips = 4  // that multiply a panel as soon as it is packed
)

// cut sets the sizes of strips, panels and tasks. Tasks take strips where op(A) is
// the larger one, and where there are enough of them and all panels fit a cache.
func (p *product[F]) cut() {
	p.per, p.kc, p.mr, p.nr = numbersPer[F](p.in), kBlock(p.in, p.k), stripRows[F](), panelWidth[F]()
	p.strips, p.rows = deal(p.m, p.mr)
	p.panels = (p.n + p.nr - 1) / p.nr
	p.byRows = p.m > p.n || p.strips >= 2*fewTasks && p.n*p.steps(p.kc) <= maxShared
	p.inPlace = inPlace[F](p.in) && p.byRows && !p.transB && p.ldb == p.n && p.n*p.kc <= maxShared
	all, most := p.panels, maxPanels
	if p.byRows {
		all, most = p.strips, maxStrips
	}
	p.group = min(most, max(1, all/fewTasks))
	p.tasks = (all + p.group - 1) / p.group
	p.tasks = min(p.tasks+p.tasks%2, all) // as many for either core
}

// steps returns how many elements k numbers take when they are packed.
func (p *product[F]) steps(k int) int { return (k + p.per - 1) / p.per }

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
	dst := p.shared[(p.steps(k0-p.k0)*count+i*p.steps(min(p.kc, p.k1-k0)))*width:]
	if p.byRows {
		p.packPanel(k0, i, dst)
	} else {
		p.packStrips(k0, i, i+1, dst)
	}
}

// packStrips packs strips i0 to i1 of the k-block at k0, packPanel panel j.
func (p *product[F]) packStrips(k0, i0, i1 int, dst []F) {
	row := i0 * p.rows
	packStrips(p.in, p.transA, min(p.kc, p.k-k0), min(i1*p.rows, p.m)-row, p.rows, p.mr, p.a[offset(p.transA, row, k0, p.lda):], p.lda, dst)
}

func (p *product[F]) packPanel(k0, j int, dst []F) {
	j *= p.nr
	packPanel(p.in, p.transB, min(p.kc, p.k-k0), min(p.nr, p.n-j), p.nr, p.b[offset(p.transB, k0, j, p.ldb):], p.ldb, dst)
}

// multiply does a task over the part of k in hand.
func (p *product[F]) multiply(worker, task int) {
	width, all := p.nr, p.panels
	if p.byRows {
		width, all = p.mr, p.strips
	}
	own := GrowPages(&p.scratch[worker], p.group*width*p.steps(p.kc))
	p.scratch[worker] = own
	first, last := task*all/p.tasks, (task+1)*all/p.tasks
	for k0 := p.k0; k0 < p.k1; k0 += p.kc {
		if p.byRows {
			p.multiplyStrips(worker, k0, first, last, own)
		} else {
			p.multiplyPanels(worker, k0, first, last, own)
		}
	}
}

// multiplyStrips packs strips i0 to i1 and multiplies them by all panels, by as
// many at a time as fit a second-level cache. A transposed A is packed along its
// rows, many strips at once, otherwise a strip just before it is used.
func (p *product[F]) multiplyStrips(worker, k0, i0, i1 int, strips []F) {
	steps := p.steps(min(p.kc, p.k-k0))
	panels, ldb, column := p.b, p.ldb, 1
	if p.inPlace {
		panels = panels[k0*ldb:]
	} else {
		panels, ldb, column = p.shared[p.steps(k0-p.k0)*p.panels*p.nr:], 0, steps
	}
	if p.transA {
		p.packStrips(k0, i0, i1, strips)
	}
	group := groupPanels(steps, p.nr)
	for j := 0; j < p.panels; j += group {
		for i := i0; i < i1; i++ {
			strip := strips[(i-i0)*p.mr*steps:]
			var next *upcoming[F]
			if j == 0 && !p.transA {
				p.packStrips(k0, i, i+1, strip)
				next = p.upcoming(worker, p.a, p.lda, p.m, p.rows, k0, i+1, i0, i1)
			}
			p.mulStrip(k0, i, strip, j, min(j+group, p.panels), panels[j*column*p.nr:], ldb, next, 0)
		}
	}
}

// multiplyPanels packs panels j0 to j1 and multiplies all strips by them. A few
// strips meet each panel when it has just been packed, the others all of them:
// writing C along its rows costs far fewer cache and page misses than writing it
// panel by panel.
func (p *product[F]) multiplyPanels(worker, k0, j0, j1 int, panels []F) {
	steps := p.steps(min(p.kc, p.k-k0))
	strips := p.shared[p.steps(k0-p.k0)*p.strips*p.mr:]
	few := min(fewStrips, p.strips)
	for j := j0; j < j1; j++ {
		panel := panels[(j-j0)*p.nr*steps:]
		p.packPanel(k0, j, panel)
		var next *upcoming[F]
		if p.transB {
			next = p.upcoming(worker, p.b, p.ldb, p.n, p.nr, k0, j+1, j0, j1)
		}
		for i := range few {
			p.mulStrip(k0, i, strips[i*p.mr*steps:], j, j+1, panel, 0, next, i)
		}
	}
	for i := few; i < p.strips; i++ {
		p.mulStrip(k0, i, strips[i*p.mr*steps:], j0, j1, panels, 0, nil, 0)
	}
}

// upcoming returns what a task that packs width rows of x [n, k] at a time, the
// i-th of i0 to i1 next, will pack: nil if that is the next task's.
func (p *product[F]) upcoming(worker int, x []F, ld, n, width, k0, i, i0, i1 int) *upcoming[F] {
	if i == i1 {
		i, k0 = i0, k0+p.kc
	}
	if k0 >= p.k1 {
		return nil
	}
	i *= width
	u := &p.ahead[worker]
	*u = upcoming[F]{x[i*ld+k0:], ld, min(width, n-i), min(p.kc, p.k-k0), p.per}
	return u
}

// mulStrip multiplies strip i by panels j0 to j1, see the function mulStrip.
func (p *product[F]) mulStrip(k0, i int, strip []F, j0, j1 int, panels []F, ldb int, next *upcoming[F], tile int) {
	beta := F(1)
	if k0 == 0 {
		beta = p.beta
	}
	row, col := i*p.rows, j0*p.nr
	mulStrip(p.in, min(p.rows, p.m-row), min(j1*p.nr, p.n)-col, min(p.kc, p.k-k0), p.alpha, strip, panels, ldb, beta, p.c[row*p.ldc+col:], p.ldc, next, tile)
}

// groupPanels returns how many panels of steps rows take about half a megabyte in
// float32.
func groupPanels(steps, nr int) int { return max(1, (128<<10)/(steps*nr)) }

// offset returns where element (i, j) of op(X) lies in X.
func offset(trans bool, i, j, ld int) int {
	if trans {
		i, j = j, i
	}
	return i*ld + j
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
