package kernel

import (
	"fmt"
	"math"
	"testing"
	"unsafe"
)

// A block does to its rows what the plain row functions do to each in float64.
func TestTraceBlocks(t *testing.T) {
	if !HasBlocks[float32]() {
		t.Logf("NOT RUN: the level %s has no blocks", Level())
		return
	}
	for _, retro := range []bool{false, true} {
		for _, n := range []int{1, 7, 15, 16, 17, 50, 64, 100} {
			for updates := 1; updates <= 5; updates++ {
				for _, clip := range []float32{0.6, float32(math.Inf(1))} {
					t.Run(fmt.Sprintf("retro %v/n %d/updates %d/clip %v", retro, n, updates, clip), func(t *testing.T) {
						testBlock(t, retro, n, updates, clip)
					})
				}
			}
		}
	}
}

func testBlock(t *testing.T, retro bool, n, updates int, clip float32) {
	r := newRand(uint64(n))
	draw := func(n int) []float32 { return normal[float32](r, n) }
	const rowCount = 2 * BlockRows
	stride := n + 30
	b := &TraceBlocks[float32]{
		A: draw(rowCount * n), D: draw(rowCount * n), H: draw(updates * stride), HC: draw(n), DHC: draw(n), DH: draw(n),
		C0: draw(updates * stride), C1: draw(updates * stride), V: draw(rowCount), DotH: draw(rowCount), DotA: draw(rowCount),
		N: n, Blocks: 2, StrideBytes: 4 * stride, Updates: updates, Clip: clip, Keep: 0.8,
	}
	if retro {
		b.E, b.DE = draw(rowCount*n), draw(rowCount*n)
	}
	b.ToA, b.ToE = draw(rowCount*n), draw(len(b.E))
	dhc, dh := wide(b.DHC), wide(b.DH)
	rows := make([]*TraceRow[float64], rowCount)
	for i := range rows {
		of := func(x []float32) []float64 {
			if len(x) == 0 {
				return nil
			}
			return wide(x[i*n : (i+1)*n])
		}
		rows[i] = &TraceRow[float64]{
			A: of(b.A), E: of(b.E), ToA: of(b.ToA), ToE: of(b.ToE), D: of(b.D), DE: of(b.DE), H: wide(b.H), HC: wide(b.HC), DHC: dhc, DH: dh,
			Stride: stride, Updates: updates, Clip: float64(clip), Keep: float64(b.Keep), V: float64(b.V[i]),
		}
		for s := range updates {
			c0, c1 := float64(b.C0[s*stride+i]), float64(b.C1[s*stride+i])
			if !retro {
				c0 = 1
			}
			rows[i].Coef = append(rows[i].Coef, c0, c1)
		}
	}
	near := func(what string, got []float32, want []float64) {
		t.Helper()
		for i, w := range want {
			if !(math.Abs(float64(got[i])-w) <= 3e-5*(1+math.Abs(w))) {
				t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], w)
			}
		}
	}
	TraceBlocksBackward(b)
	dee := 0.0
	for i, row := range rows {
		TraceBackward(row, make([]float64, 2*n))
		near("D", b.D[i*n:], row.D)
		near("DE", b.DE[min(i*n, len(b.DE)):], row.DE)
		near("DotH", b.DotH[i:], []float64{row.DotH})
		if retro {
			near("DotA", b.DotA[i:], []float64{row.DotA})
			dee += row.DEE
		}
	}
	near("DHC", b.DHC, dhc)
	near("DH", b.DH, dh)
	near("DEE", []float32{b.DEE}, []float64{dee})
	b.Blocks = 2
	TraceBlocksUpdate(b)
	for i, row := range rows {
		TraceUpdate(row)
		near("A", b.ToA[i*n:], row.ToA)
		near("E", b.ToE[min(i*n, len(b.ToE)):], row.ToE)
	}
	b.Updates, b.Blocks = 1, 2
	TraceBlocksForward(b)
	for i, row := range rows {
		row.Updates = 1
		near("input", b.DotH[i:], []float64{TraceForward(row)})
		near("A", b.ToA[i*n:], row.ToA)
		near("E", b.ToE[min(i*n, len(b.ToE)):], row.ToE)
	}
}

func TestTraceBlockKeepsNaN(t *testing.T) {
	if !HasBlocks[float32]() {
		t.Logf("NOT RUN: the level %s has no blocks", Level())
		return
	}
	const n = 20
	x := func(k int) []float32 { return make([]float32, k) }
	b := &TraceBlocks[float32]{A: x(4 * n), ToA: x(4 * n), D: x(4 * n), H: x(n), HC: x(n), DHC: x(n), DH: x(n), C1: x(4), V: x(4), DotH: x(4), N: n, Blocks: 1, Updates: 1, Clip: 1}
	b.A[n+3], b.V[1] = float32(math.NaN()), 1
	TraceBlocksForward(b)
	if b.ToA[n+3] == b.ToA[n+3] || b.DotH[1] == b.DotH[1] {
		t.Error("the forward pass launders a NaN")
	}
	b.Blocks = 1
	TraceBlocksBackward(b)
	if b.DHC[3] == b.DHC[3] {
		t.Error("the backward pass launders a NaN")
	}
}

// The assembly knows the fields by their offsets.
func TestTraceBlockLayout(t *testing.T) {
	var b TraceBlocks[float32]
	for i, off := range []uintptr{
		unsafe.Offsetof(b.A), unsafe.Offsetof(b.E), unsafe.Offsetof(b.ToA), unsafe.Offsetof(b.ToE), unsafe.Offsetof(b.D), unsafe.Offsetof(b.DE), unsafe.Offsetof(b.H), unsafe.Offsetof(b.HC),
		unsafe.Offsetof(b.DHC), unsafe.Offsetof(b.DH), unsafe.Offsetof(b.C0), unsafe.Offsetof(b.C1), unsafe.Offsetof(b.V),
		unsafe.Offsetof(b.DotH), unsafe.Offsetof(b.DotA), unsafe.Offsetof(b.N),
	} {
		if off != uintptr(24*i) {
			t.Errorf("field %d lies at %d, want %d", i, off, 24*i)
		}
	}
	base := unsafe.Offsetof(b.N)
	want := map[string][2]uintptr{
		"Blocks": {unsafe.Offsetof(b.Blocks), 8}, "StrideBytes": {unsafe.Offsetof(b.StrideBytes), 16}, "Updates": {unsafe.Offsetof(b.Updates), 24},
		"Clip": {unsafe.Offsetof(b.Clip), 32}, "Keep": {unsafe.Offsetof(b.Keep), 36}, "DEE": {unsafe.Offsetof(b.DEE), 40},
		"matrix": {unsafe.Offsetof(b.matrix), 48}, "rows": {unsafe.Offsetof(b.rows), 56},
	}
	for name, w := range want {
		if w[0]-base != w[1] {
			t.Errorf("%s lies at %d, want %d", name, w[0]-base, w[1])
		}
	}
}

func BenchmarkTraceBlock(b *testing.B) {
	if !HasBlocks[float32]() {
		b.Fatalf("the level %s has no blocks", Level())
	}
	const n, updates = 200, 3
	for _, retro := range []bool{false, true} {
		r := newRand(1)
		x := func(k int) []float32 { return normal[float32](r, k) }
		row := &TraceBlocks[float32]{
			A: x(n * n), D: x(n * n), H: x(updates * n), HC: x(n), DHC: x(n), DH: x(n), C0: make([]float32, updates*n), C1: make([]float32, updates*n),
			V: make([]float32, n), DotH: x(n), DotA: x(n), N: n, StrideBytes: 4 * n, Clip: 1, Keep: 1,
		}
		if retro {
			row.E, row.DE = x(n*n), x(n*n)
		}
		row.ToA, row.ToE = row.A, row.E
		for _, backward := range []bool{false, true} {
			b.Run(fmt.Sprintf("backward %v/retro %v", backward, retro), func(b *testing.B) {
				for b.Loop() {
					row.Blocks, row.Updates = n/BlockRows, 1
					if backward {
						row.Updates = updates
						TraceBlocksBackward(row)
					} else {
						TraceBlocksForward(row)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			})
		}
	}
}
