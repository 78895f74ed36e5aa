package data

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func count(n int) []int32 {
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(i)
	}
	return tokens
}

func windows(t *testing.T, n, batch, steps int) *Windows {
	t.Helper()
	w, err := NewWindows(count(n), batch, steps)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWindowsInFull(t *testing.T) {
	// 11 tokens in 2 streams of 5: 0-4 and 5-9; token 10 is the remainder.
	w := windows(t, 11, 2, 3)
	type window struct{ X, Y []int32 }
	var got []window
	for v, ok := w.Next(); ok; v, ok = w.Next() {
		if len(v.X) != v.Steps*2 {
			t.Errorf("%d inputs in %d steps of 2 streams", len(v.X), v.Steps)
		}
		got = append(got, window{append([]int32(nil), v.X...), append([]int32(nil), v.Y...)})
	}
	want := []window{
		{[]int32{0, 5, 1, 6, 2, 7}, []int32{1, 6, 2, 7, 3, 8}},
		{[]int32{3, 8}, []int32{4, 9}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if w.Len() != 2 || w.Targets() != 8 {
		t.Errorf("%d windows of %d targets, want 2 of 8", w.Len(), w.Targets())
	}
}

// Whatever the sizes: a stream alone equals its column of a batch, every token
// but each stream's first is a target once and in order, and Len and Targets
// are what Next gives.
func TestWindowsLaws(t *testing.T) {
	for _, n := range []int{2, 3, 17, 36, 64, 101} {
		for _, batch := range []int{1, 2, 3, 8} {
			for _, steps := range []int{1, 2, 5, 35, 1000} {
				if n/batch < 2 {
					continue
				}
				w := windows(t, n, batch, steps)
				length := n / batch
				next, seen := 1, 0
				for v, ok := w.Next(); ok; v, ok = w.Next() {
					seen++
					if v.Steps > steps {
						t.Fatalf("n=%d B=%d T=%d: a window of %d steps", n, batch, steps, v.Steps)
					}
					for s := range v.Steps {
						for b := range batch {
							if x, y := v.X[s*batch+b], v.Y[s*batch+b]; y != int32(b*length+next) || x != y-1 {
								t.Fatalf("n=%d B=%d T=%d: stream %d reads %d, %d; want %d next", n, batch, steps, b, x, y, b*length+next)
							}
						}
						next++
					}
				}
				if next != length || seen != w.Len() || w.Targets() != batch*(length-1) {
					t.Errorf("n=%d B=%d T=%d: %d targets a stream in %d windows; Len %d, Targets %d", n, batch, steps, next-1, seen, w.Len(), w.Targets())
				}
			}
		}
	}
}

func TestWindowsCursor(t *testing.T) {
	w := windows(t, 40, 2, 6)
	w.Next()
	w.Next()
	saved := w.Cursor()
	want, _ := w.Next()
	wantX := append([]int32(nil), want.X...)

	other := windows(t, 40, 2, 6)
	if err := other.Seek(saved); err != nil {
		t.Fatal(err)
	}
	if got, ok := other.Next(); !ok || cmp.Diff(wantX, got.X) != "" {
		t.Errorf("after Seek: %v, want %v", got.X, wantX)
	}
	w.Reset()
	if got, _ := w.Next(); w.Cursor() != 6 || got.X[0] != 0 {
		t.Errorf("after Reset: first input %d, cursor %d", got.X[0], w.Cursor())
	}
	for _, bad := range []int{-1, 20} {
		if err := w.Seek(bad); err == nil {
			t.Errorf("cursor %d was taken", bad)
		}
	}
	if err := w.Seek(19); err != nil {
		t.Error(err)
	}
	if _, ok := w.Next(); ok {
		t.Error("a window after the end")
	}
}

func TestWindowsReuseTheirBuffers(t *testing.T) {
	w := windows(t, 1000, 4, 7)
	if n := testing.AllocsPerRun(10, func() {
		if _, ok := w.Next(); !ok {
			w.Reset()
		}
	}); n > 0 {
		t.Errorf("%v allocations a window", n)
	}
}

func TestWindowsTooFewTokens(t *testing.T) {
	for _, c := range []struct{ n, batch, steps int }{{0, 1, 5}, {1, 1, 5}, {5, 3, 5}, {10, 0, 5}, {10, -1, 5}, {10, 2, 0}} {
		if _, err := NewWindows(count(c.n), c.batch, c.steps); err == nil {
			t.Errorf("%d tokens, batch %d, %d steps: no error", c.n, c.batch, c.steps)
		}
	}
}
