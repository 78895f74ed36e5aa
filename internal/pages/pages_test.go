package pages

import (
	"testing"
	"unsafe"
)

// A slice has its length, holds zeros, and if large begins with a huge page.
func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 1000, huge/16 - 1, huge / 16, huge/4 + 3} {
		x := Make[float32](n)
		if len(x) != n {
			t.Fatalf("%d elements, want %d", len(x), n)
		}
		for i, v := range x {
			if v != 0 {
				t.Fatalf("element %d of %d is %v", i, n, v)
			}
			x[i] = 1
		}
		if n*4 >= huge/4 && uintptr(unsafe.Pointer(&x[0]))%huge != 0 {
			t.Errorf("%d elements begin at %p", n, &x[0])
		}
	}
}
