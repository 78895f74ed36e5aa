package kernel

import (
	"fmt"
	"math"
	"testing"
	"unsafe"
)

// blockCase is a stream's matrix with random contents.
func blockCase(seed uint64, variant, n, rowCount, updates int, clip float32) *TraceBlocks[float32] {
	r := newRand(seed)
	draw := func(n int) []float32 { return normal[float32](r, n) }
	stride := n + 30
	b := &TraceBlocks[float32]{
		A: draw(rowCount * n), ToA: draw(rowCount * n), D: draw(rowCount * n),
		H: draw(BlockUpdates * stride), HC: draw(n), DHC: draw(n), DH: draw(n),
		C0: draw(BlockUpdates * stride), C1: draw(BlockUpdates * stride), V: draw(rowCount), DotH: draw(rowCount), DotA: draw(rowCount),
		N: n, StrideBytes: 4 * stride, Updates: updates, Clip: clip, Keep: 0.8,
	}
	if variant&4 != 0 {
		b.E, b.DE, b.ToE = draw(rowCount*n), draw(rowCount*n), draw(rowCount*n)
	}
	if variant&2 != 0 {
		b.Rate, b.DRate = draw(rowCount*n), draw(rowCount*n)
	}
	if variant&1 != 0 {
		b.Alpha, b.DAlpha = draw(rowCount*n), draw(rowCount*n)
	}
	return b
}

// rowsOf copies the rows of a block in float64; DHC and DH are common to them.
func rowsOf(b *TraceBlocks[float32]) []*TraceRow[float64] {
	n, stride := b.N, b.StrideBytes/4
	dhc, dh := wide(b.DHC), wide(b.DH)
	rows := make([]*TraceRow[float64], len(b.V))
	for i := range rows {
		of := func(x []float32) []float64 {
			if len(x) == 0 {
				return nil
			}
			return wide(x[i*n : (i+1)*n])
		}
		rows[i] = &TraceRow[float64]{
			A: of(b.A), E: of(b.E), ToA: of(b.ToA), ToE: of(b.ToE), D: of(b.D), DE: of(b.DE),
			Rate: of(b.Rate), DRate: of(b.DRate), Alpha: of(b.Alpha), DAlpha: of(b.DAlpha),
			H: wide(b.H), HC: wide(b.HC), DHC: dhc, DH: dh,
			Stride: stride, Updates: b.Updates, Clip: float64(b.Clip), Keep: float64(b.Keep), V: float64(b.V[i]),
		}
		for s := range BlockUpdates {
			c0, c1 := float64(b.C0[s*stride+i]), float64(b.C1[s*stride+i])
			switch {
			case b.E == nil && b.Rate == nil:
				c0 = 1
			case b.E == nil:
				c0, c1 = c1, 0
			}
			rows[i].Coef = append(rows[i].Coef, c0, c1)
		}
	}
	return rows
}

// A block does to its rows what the plain row functions do to each in float64.
func TestTraceBlocks(t *testing.T) {
	if !HasBlocks[float32]() {
		t.Logf("NOT RUN: the level %s has no blocks", Level())
		return
	}
	for variant := range 8 {
		for _, n := range []int{16, 32, 112} {
			for updates := 1; updates <= BlockUpdates; updates++ {
				for _, clip := range []float32{0.6, float32(math.Inf(1))} {
					t.Run(fmt.Sprintf("variant %d/n %d/updates %d/clip %v", variant, n, updates, clip), func(t *testing.T) {
						testBlock(t, variant, n, updates, clip)
					})
				}
			}
		}
	}
}

func testBlock(t *testing.T, variant, n, updates int, clip float32) {
	const blocks = 3
	b := blockCase(uint64(n), variant, n, blocks*BlockRows, updates, clip)
	b.Free = math.IsInf(float64(clip), 1)
	rows := rowsOf(b)
	near := func(what string, i int, got []float32, want ...float64) {
		t.Helper()
		for k, w := range want {
			if g := float64(got[i*len(want)+k]); !(math.Abs(g-w) <= 1e-4*(1+math.Abs(w))) {
				t.Fatalf("%s[%d] of row %d = %v, want %v", what, k, i, g, w)
			}
		}
	}
	run := func(f func(*TraceBlocks[float32])) { // some blocks, then the rest
		b.Start()
		for _, b.Blocks = range []int{1, blocks - 1} {
			f(b)
		}
	}
	run(TraceBlocksBackward[float32])
	dee := 0.0
	for i, row := range rows {
		TraceBackward(row, make([]float64, 2*n))
		near("D", i, b.D, row.D...)
		near("DE", i, b.DE, row.DE...)
		near("DRate", i, b.DRate, row.DRate...)
		near("DAlpha", i, b.DAlpha, row.DAlpha...)
		near("DotH", i, b.DotH, row.DotH)
		if variant&4 != 0 {
			near("DotA", i, b.DotA, row.DotA)
			dee += row.DEE
		}
	}
	near("DHC", 0, b.DHC, rows[0].DHC...)
	near("DH", 0, b.DH, rows[0].DH...)
	near("DEE", 0, []float32{b.DEE}, dee)
	run(TraceBlocksUpdate[float32])
	for i, row := range rows {
		TraceUpdate(row)
		near("A", i, b.ToA, row.ToA...)
		near("E", i, b.ToE, row.ToE...)
	}
	b.Updates = 1
	run(TraceBlocksForward[float32])
	peak := 0.0
	for _, row := range rows {
		x := make([]float64, n)
		row.propose(0, x, row.A, row.E)
		for _, v := range x {
			peak = max(peak, math.Abs(v))
		}
	}
	near("Peak", 0, []float32{b.Peak}, peak)
	for i, row := range rows {
		row.Updates = 1
		near("input", i, b.DotH, TraceForward(row))
		near("A", i, b.ToA, row.ToA...)
		near("E", i, b.ToE, row.ToE...)
	}
	b.Updates = 0
	run(TraceBlocksForward[float32])
	for i, row := range rows {
		want := 0.0
		for k, a := range row.A {
			if row.Alpha != nil {
				a *= row.Alpha[k]
			}
			want += a * row.HC[k]
		}
		near("input without an update", i, b.DotH, want)
	}
}

// The assembly knows the fields by their offsets.
func TestTraceBlockLayout(t *testing.T) {
	var b TraceBlocks[float32]
	for i, off := range []uintptr{
		unsafe.Offsetof(b.A), unsafe.Offsetof(b.E), unsafe.Offsetof(b.ToA), unsafe.Offsetof(b.ToE), unsafe.Offsetof(b.D), unsafe.Offsetof(b.DE),
		unsafe.Offsetof(b.Rate), unsafe.Offsetof(b.DRate), unsafe.Offsetof(b.Alpha), unsafe.Offsetof(b.DAlpha), unsafe.Offsetof(b.H), unsafe.Offsetof(b.HC),
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
		"Clip": {unsafe.Offsetof(b.Clip), 32}, "Keep": {unsafe.Offsetof(b.Keep), 36}, "DEE": {unsafe.Offsetof(b.DEE), 40}, "Peak": {unsafe.Offsetof(b.Peak), 44},
		"matrix": {unsafe.Offsetof(b.matrix), 48}, "number": {unsafe.Offsetof(b.number), 56},
	}
	for name, w := range want {
		if w[0]-base != w[1] {
			t.Errorf("%s lies at %d, want %d", name, w[0]-base, w[1])
		}
	}
}

// BenchmarkTraceBlocks is a stream's step at 200 neurons, its traces in the
// second-level cache: bytes are those of the traces and their gradients that are
// read or written, FLOPs those of the equations.
func BenchmarkTraceBlocks(b *testing.B) {
	if !HasBlocks[float32]() {
		b.Fatalf("the level %s has no blocks", Level())
	}
	const n, rowCount, streams, updates = 208, 200, 2, 3 // the mean number of updates replayed
	for variant, name := range map[int]string{0: "hebbian/neuron", 3: "hebbian/connection", 4: "retroactive/neuron", 7: "retroactive/connection"} {
		var all []*TraceBlocks[float32]
		for s := range streams {
			t := blockCase(uint64(s+1), variant, n, rowCount, updates, 2)
			t.ToA, t.ToE, t.Keep = t.A, t.E, 1
			if s > 0 {
				t.Rate, t.DRate, t.Alpha, t.DAlpha = all[0].Rate, all[0].DRate, all[0].Alpha, all[0].DAlpha
			}
			clear(t.C0)
			clear(t.C1)
			clear(t.V)
			all = append(all, t)
		}
		states := 1 + variant>>2
		for _, pass := range []struct {
			name                  string
			f                     func(*TraceBlocks[float32])
			updates, moved, flops int
		}{
			{"forward", TraceBlocksForward[float32], 1, 2 * states, 4 * states},
			{"backward", TraceBlocksBackward[float32], updates, 3 * states, (2*updates + 8) * states},
		} {
			b.Run(pass.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(streams * 4 * n * rowCount * pass.moved))
				for b.Loop() {
					for _, t := range all {
						t.Start()
						t.Updates = pass.updates
					}
					for range rowCount / BlockRows / 2 {
						for _, t := range all {
							t.Blocks = 2
							pass.f(t)
						}
					}
				}
				b.ReportMetric(float64(streams*n*rowCount*pass.flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
