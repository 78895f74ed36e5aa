package kernel

import "unsafe"

const (
	// BlockRows is how many rows of a trace matrix are worked on at once.
	BlockRows = 4
	// BlockColumns divides the columns of a trace matrix.
	BlockColumns = 16
	// BlockUpdates is the most updates that one call makes.
	BlockUpdates = 5
)

// TraceBlocks are rows of a trace matrix at work, a multiple of BlockRows: what
// TraceRow is for one, for traces that have no pull of their own. Matrices hold
// the rows one after the other, [rows, N], N a multiple of BlockColumns; those of
// the parameters per connection, Rate and Alpha, are nil where there is one a row.
//
// An update is
//
//	a = clip(a + c1 rate h)   Hebbian: c1 = eta g, or m g where there are rates
//	    clip(a + c0 rate E)   retroactive: c0 = eta, or m; then E = Keep E + c1 h, c1 = k g
//
// with a rate of 1 where there are none. All numbers must be finite, but for the
// bound: clip takes a NaN for a bound.
//
// A call takes the next Blocks blocks, so that several streams can go through a
// few rows in turn while the parameters of these lie in the nearest cache. Start
// returns to the first row.
type TraceBlocks[F Float] struct {
	A, E           []F // [rows, N]
	ToA, ToE       []F // [rows, N]: where updated ones go, which may be A and E; unused by TraceBlocksBackward
	D, DE          []F // [rows, N]
	Rate, DRate    []F // [rows, N] or nil
	Alpha, DAlpha  []F // [rows, N] or nil
	H              []F // [N] at the first update's step; at each further step StrideBytes on
	HC, DHC, DH    []F // [N]
	C0, C1         []F // [rows], likewise StrideBytes on; C0 only if retroactive
	V              []F // [rows]: gradient of the plastic input, times alpha if that is one a row
	DotH, DotA     []F // [rows]: results
	N              int
	Blocks         int // counts down to zero
	StrideBytes    int
	Updates        int // at most BlockUpdates; at least 1, or for TraceBlocksForward 0 or 1
	Clip, Keep     F
	DEE            F   // result, added to; 0 if Hebbian
	Peak           F   // result of TraceBlocksForward: the largest magnitude before a clip, or what it was if larger
	matrix, number int // offsets of the next block, in bytes

	// Free says that no update at work comes to the clip, as Peak tells: then it
	// need not be worked out.
	Free bool
}

// Rows returns b at rows [first, first+count) of the same matrices, multiples of
// BlockRows, with nothing summed yet.
func (b *TraceBlocks[F]) Rows(first, count int) TraceBlocks[F] {
	var zero F
	c := *b
	c.Start()
	c.Blocks = count / BlockRows
	c.number = first * int(unsafe.Sizeof(zero))
	c.matrix = c.number * b.N
	return c
}

// HasBlocks reports whether there are routines for blocks of type F.
func HasBlocks[F Float]() bool {
	_, single := any(F(0)).(float32)
	return single && simd != nil && simd.blockForward[0] != nil
}

// Start returns to the first row.
func (b *TraceBlocks[F]) Start() { b.matrix, b.number, b.DEE, b.Peak = 0, 0, 0, 0 }

// TraceBlocksUpdate is TraceUpdate for each row. Only where HasBlocks.
func TraceBlocksUpdate[F Float](b *TraceBlocks[F]) {
	if b.ready(1, BlockUpdates) {
		b.choose(&simd.blockUpdate, &simd.blockUpdateFree, b.variant()&^1)(b.pointer())
	}
}

// TraceBlocksForward is TraceForward for each row, or without the update where
// Updates is 0; DotH takes the plastic inputs. Only where HasBlocks.
func TraceBlocksForward[F Float](b *TraceBlocks[F]) {
	if b.ready(0, 1) {
		simd.blockForward[b.variant()](b.pointer())
	}
}

// TraceBlocksBackward is TraceBackward for each row. Only where HasBlocks.
func TraceBlocksBackward[F Float](b *TraceBlocks[F]) {
	if b.ready(1, BlockUpdates) {
		b.choose(&simd.blockBackward, &simd.blockBackwardFree, b.variant())(b.pointer())
	}
}

// choose returns the routine of a variant, the one without a clip where it will do
// and exists.
func (b *TraceBlocks[F]) choose(clipped, free *[8]func(*byte), variant int) func(*byte) {
	if b.Free && free[variant] != nil {
		return free[variant]
	}
	return clipped[variant]
}

func (b *TraceBlocks[F]) ready(least, most int) bool {
	switch {
	case !HasBlocks[F]():
		panic("kernel: no routines for blocks of this type at this level")
	case b.N%BlockColumns != 0 || b.Updates < least || b.Updates > most:
		panic("kernel: a block of wrong width or number of updates")
	}
	return b.Blocks > 0 && b.N > 0
}

func (b *TraceBlocks[F]) variant() int {
	v := 0
	if b.E != nil {
		v |= 4
	}
	if b.Rate != nil {
		v |= 2
	}
	if b.Alpha != nil {
		v |= 1
	}
	return v
}

func (b *TraceBlocks[F]) pointer() *byte { return (*byte)(unsafe.Pointer(b)) }
