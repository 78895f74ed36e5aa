package pages

import (
	"sync"
	"testing"
	"unsafe"
)

// A slice has its length, begins with a cache line, holds zeros, and shares none of
// its memory.
func TestMake(t *testing.T) {
	var all [][]float32
	for _, n := range []int{0, 1, 1000, huge/16 - 1, huge / 16, huge/16 + 1, huge/4 - 5, huge / 4, huge/4 + 3, huge / 10, huge / 11, 3*huge/4 - 1, huge / 12} {
		x := Make[float32](n)
		if len(x) != n || cap(x) != n && n*4 >= huge/4 {
			t.Fatalf("%d elements and room for %d, want %d", len(x), cap(x), n)
		}
		for i, v := range x {
			if v != 0 {
				t.Fatalf("element %d of %d is %v", i, n, v)
			}
			x[i] = float32(n)
		}
		if n*4 >= huge/4 && uintptr(unsafe.Pointer(&x[0]))%line != 0 {
			t.Errorf("%d elements begin at %p", n, &x[0])
		}
		all = append(all, x)
	}
	for _, x := range all {
		for i, v := range x {
			if v != float32(len(x)) {
				t.Fatalf("element %d of %d was overwritten with %v", i, len(x), v)
			}
		}
	}
}

// What fills a page begins with one; smaller ones follow one another within it.
func TestMakeSharesPages(t *testing.T) {
	rest.memory = nil
	pages := map[uintptr]int{}
	for range 6 {
		pages[uintptr(unsafe.Pointer(unsafe.SliceData(Make[float64](huge/25))))/huge]++ // nearly a third
	}
	if len(pages) != 2 {
		t.Errorf("six thirds of a page lie on %d pages", len(pages))
	}
	rest.memory = nil
	if x := Make[float64](huge); uintptr(unsafe.Pointer(&x[0]))%huge != 0 {
		t.Errorf("eight pages begin at %p", &x[0])
	}
}

// Several goroutines never get the same memory.
func TestMakeAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			var own [][]float32
			for range 5 {
				x := Make[float32](huge/16 + g)
				for i := range x {
					x[i] += float32(g + 1)
				}
				own = append(own, x)
			}
			for _, x := range own {
				for i, v := range x {
					if v != float32(g+1) {
						t.Errorf("element %d is %v, want %d", i, v, g+1)
						return
					}
				}
			}
		})
	}
	all.Wait()
}
