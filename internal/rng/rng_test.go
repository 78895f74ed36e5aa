package rng

import "testing"

func TestStreamsAreIndependentAndRepeatable(t *testing.T) {
	a, b, c := New(1, "init"), New(1, "init"), New(1, "dropout")
	same, other := true, true
	for range 100 {
		x := a.Uint64()
		same = same && x == b.Uint64()
		other = other && x == c.Uint64()
	}
	if !same || other {
		t.Fatalf("the same name repeats: %v (want true); another name repeats it: %v (want false)", same, other)
	}
}

func TestPositionCanBeSaved(t *testing.T) {
	a := New(7, "dropout")
	a.Float64()
	saved, err := a.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	b := New(0, "")
	if err := b.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if x, y := a.Uniform(-1, 1), b.Uniform(-1, 1); x != y {
			t.Fatalf("draw %d after restoring: %v, want %v", i, y, x)
		}
	}
	if err := b.UnmarshalBinary([]byte("short")); err == nil {
		t.Fatal("a damaged position was accepted")
	}
}
