package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// traceCase is a row with random contents. H has rows at a stride beyond n.
func traceCase[F Float](variant, n, updates int, clip F, r *rand.Rand) *TraceRow[F] {
	draw := func(n int) []F {
		x := make([]F, n)
		for i := range x {
			x[i] = F(r.Float64()*2 - 1)
		}
		return x
	}
	row := &TraceRow[F]{A: draw(n), D: draw(n), HC: draw(n), DHC: draw(n), DH: draw(n), Updates: updates, Clip: clip, V: 0.7, Keep: 0.8}
	row.Stride = n + 5
	row.H, row.Coef = draw(updates*row.Stride), draw(2*updates)
	if variant&4 != 0 {
		row.E, row.DE = draw(n), draw(n)
	}
	row.ToA, row.ToE = draw(n), draw(len(row.E))
	if variant&2 != 0 {
		row.Rate, row.DRate = draw(n), draw(n)
	}
	if variant&1 != 0 {
		row.Alpha, row.DAlpha = draw(n), draw(n)
	}
	return row
}

// widen copies a row in float64.
func widen(r *TraceRow[float32]) *TraceRow[float64] {
	w := func(x []float32) []float64 {
		if x == nil {
			return nil
		}
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = float64(v)
		}
		return y
	}
	return &TraceRow[float64]{
		A: w(r.A), E: w(r.E), ToA: w(r.ToA), ToE: w(r.ToE), D: w(r.D), DE: w(r.DE), Rate: w(r.Rate), DRate: w(r.DRate), Alpha: w(r.Alpha), DAlpha: w(r.DAlpha),
		H: w(r.H), HC: w(r.HC), DHC: w(r.DHC), DH: w(r.DH), Coef: w(r.Coef), Stride: r.Stride, Updates: r.Updates,
		Clip: float64(r.Clip), Keep: float64(r.Keep), V: float64(r.V),
	}
}

func fields[F Float](r *TraceRow[F]) map[string][]F {
	return map[string][]F{
		"A": r.A, "E": r.E, "ToA": r.ToA, "ToE": r.ToE, "D": r.D, "DE": r.DE, "DRate": r.DRate, "DAlpha": r.DAlpha, "DHC": r.DHC, "DH": r.DH,
		"dots": {r.DotH, r.DotA, r.DEE},
	}
}

func sameRow(t *testing.T, got *TraceRow[float32], want *TraceRow[float64]) {
	t.Helper()
	for name, w := range fields(want) {
		for i, g := range fields(got)[name] {
			if !(math.Abs(float64(g)-w[i]) <= 2e-5*(1+math.Abs(w[i]))) {
				t.Fatalf("%s[%d] = %v, want %v", name, i, g, w[i])
			}
		}
	}
}

// Every level's rows agree with the plain ones in float64, for odd lengths and
// whatever number of updates, with a clip that bites and without.
func TestTraceRows(t *testing.T) {
	for variant := range 8 {
		for _, n := range []int{1, 7, 8, 15, 16, 17, 31, 33, 50, 64, 100} {
			for updates := 1; updates <= 4; updates++ {
				for _, clip := range []float32{0.6, float32(math.Inf(1))} {
					t.Run(fmt.Sprintf("variant %d/n %d/updates %d/clip %v", variant, n, updates, clip), func(t *testing.T) {
						atEveryLevel(t, func(t *testing.T) {
							r := rand.New(rand.NewPCG(uint64(variant), uint64(n)))
							row := traceCase[float32](variant, n, updates, clip, r)
							want := widen(row)
							TraceUpdate(row)
							TraceUpdate(want)
							sameRow(t, row, want)
							row.Updates, want.Updates = 1, 1
							got, sum := TraceForward(row), TraceForward(want)
							if !(math.Abs(float64(got)-sum) <= 1e-4) {
								t.Fatalf("TraceForward = %v, want %v", got, sum)
							}
							sameRow(t, row, want)
							row.Updates, want.Updates = updates, updates
							TraceBackward(row, make([]float32, 2*n))
							TraceBackward(want, make([]float64, 2*n))
							sameRow(t, row, want)
						})
					})
				}
			}
		}
	}
}

// A NaN in a trace stays a NaN through the clip at every level.
func TestTraceKeepsNaN(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for variant := range 8 {
			r := rand.New(rand.NewPCG(1, 2))
			row := traceCase[float32](variant, 20, 2, 0.5, r)
			row.A[3], row.A[18] = float32(math.NaN()), float32(math.NaN())
			if s := TraceForward(row); s == s || row.ToA[3] == row.ToA[3] || row.ToA[18] == row.ToA[18] {
				t.Errorf("variant %d: TraceForward = %v, trace %v, %v; want NaN", variant, s, row.ToA[3], row.ToA[18])
			}
			TraceBackward(row, make([]float32, 40))
			if row.DHC[3] == row.DHC[3] {
				t.Errorf("variant %d: TraceBackward launders a NaN", variant)
			}
		}
	})
}

// The assembly knows the fields by their offsets.
func TestTraceRowLayout(t *testing.T) {
	var r TraceRow[float32]
	for i, off := range []uintptr{
		unsafe.Offsetof(r.A), unsafe.Offsetof(r.E), unsafe.Offsetof(r.ToA), unsafe.Offsetof(r.ToE), unsafe.Offsetof(r.D), unsafe.Offsetof(r.DE), unsafe.Offsetof(r.Rate),
		unsafe.Offsetof(r.DRate), unsafe.Offsetof(r.Alpha), unsafe.Offsetof(r.DAlpha), unsafe.Offsetof(r.H), unsafe.Offsetof(r.HC),
		unsafe.Offsetof(r.DHC), unsafe.Offsetof(r.DH), unsafe.Offsetof(r.Coef), unsafe.Offsetof(r.Stride),
	} {
		if off != uintptr(24*i) {
			t.Errorf("field %d lies at %d, want %d", i, off, 24*i)
		}
	}
	base := unsafe.Offsetof(r.Stride)
	for i, off := range []uintptr{
		unsafe.Offsetof(r.Updates), unsafe.Offsetof(r.Clip), unsafe.Offsetof(r.Keep), unsafe.Offsetof(r.V),
		unsafe.Offsetof(r.DotH), unsafe.Offsetof(r.DotA), unsafe.Offsetof(r.DEE),
	} {
		if want := base + []uintptr{8, 16, 20, 24, 28, 32, 36}[i]; off != want {
			t.Errorf("number %d lies at %d, want %d", i, off, want)
		}
	}
}

func BenchmarkTraceRow(b *testing.B) {
	for variant := range 8 {
		r := rand.New(rand.NewPCG(1, 2))
		row := traceCase[float32](variant, 200, 3, 2, r)
		b.Run(fmt.Sprintf("forward/variant %d", variant), func(b *testing.B) {
			b.SetBytes(2 * 4 * 200)
			for b.Loop() {
				TraceForward(row)
			}
		})
		b.Run(fmt.Sprintf("backward/variant %d", variant), func(b *testing.B) {
			b.SetBytes(3 * 4 * 200)
			work := make([]float32, 400)
			for b.Loop() {
				TraceBackward(row, work)
			}
		})
	}
}
