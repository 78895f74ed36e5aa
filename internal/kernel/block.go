package kernel

import "unsafe"

// BlockRows is how many rows of a trace matrix are worked on at once.
const BlockRows = 4

// TraceBlocks are rows of a trace matrix at work, a multiple of BlockRows, for
// the common case of TraceRow: one rate and one alpha a row, and no pull of the
// trace itself. Matrices hold the rows one after the other, [rows, N].
//
// An update is
//
//	a = clip(a + c1 h)    Hebbian: c1 = eta g
//	    clip(a + c0 E)    retroactive: c0 = eta; then E = Keep E + c1 h, c1 = k g
type TraceBlocks[F Float] struct {
	A, E        []F // [rows, N]
	ToA, ToE    []F // [rows, N]: where updated ones go, which may be A and E; unused by TraceBlocksBackward
	D, DE       []F // [rows, N]
	H           []F // [N] at the first update's step; at each further step StrideBytes on
	HC, DHC, DH []F // [N]
	C0, C1      []F // [rows], likewise StrideBytes on; C0 only if retroactive
	V           []F // [rows]: gradient of the plastic input times alpha
	DotH, DotA  []F // [rows]: results
	N, Blocks   int // Blocks counts down to zero
	StrideBytes int
	Updates     int // at least 1
	Clip, Keep  F
	DEE         F // result, summed over the rows; 0 if Hebbian

	matrix, rows int // the assembly's own
}

// HasBlocks reports whether there are routines for blocks of type F.
func HasBlocks[F Float]() bool {
	_, single := any(F(0)).(float32)
	return single && simd != nil && simd.blockForward[0] != nil
}

// TraceBlocksUpdate is TraceUpdate for each row. Only where HasBlocks.
func TraceBlocksUpdate[F Float](b *TraceBlocks[F]) {
	if b.ready() {
		simd.blockUpdate[b.kind()](b.pointer())
	}
}

// TraceBlocksForward is TraceForward for each row; Updates is 1, and DotH takes
// the plastic inputs. Only where HasBlocks.
func TraceBlocksForward[F Float](b *TraceBlocks[F]) {
	if b.ready() {
		simd.blockForward[b.kind()](b.pointer())
	}
}

// TraceBlocksBackward is TraceBackward for each row. Only where HasBlocks.
func TraceBlocksBackward[F Float](b *TraceBlocks[F]) {
	b.DEE = 0
	if b.ready() {
		simd.blockBackward[b.kind()](b.pointer())
	}
}

func (b *TraceBlocks[F]) ready() bool {
	if !HasBlocks[F]() {
		panic("kernel: no routines for blocks of this type at this level")
	}
	return b.Blocks > 0 && b.N > 0
}

func (b *TraceBlocks[F]) kind() int {
	if b.E != nil {
		return 1
	}
	return 0
}

func (b *TraceBlocks[F]) pointer() *byte { return (*byte)(unsafe.Pointer(b)) }
