// Package pages allocates large buffers on huge pages where the system has them
// to give: a matrix that is walked along its columns then costs no page-table
// walk at every step, and what shares a second-level cache does not collide in it
// by accident of physical addresses.
package pages

import (
	"sync"
	"unsafe"
)

const (
	huge = 2 << 20
	line = 64 // bytes of a cache line
)

// rest is what is left of a huge page: the next buffer that fits in takes from it.
var rest struct {
	sync.Mutex
	memory []byte
}

// Make returns a zeroed slice of n elements, on pages of 2 MB where it is large
// and the system allows it, anywhere else otherwise. Buffers that fill no page share
// one, which is freed when none of them is in use.
func Make[F float32 | float64](n int) []F {
	var zero F
	size := n * int(unsafe.Sizeof(zero))
	if size < huge/4 {
		return make([]F, n)
	}
	return unsafe.Slice((*F)(unsafe.Pointer(unsafe.SliceData(take(size)))), n)
}

// take returns size bytes that begin with a cache line.
func take(size int) []byte {
	rest.Lock()
	defer rest.Unlock()
	used := (size + line - 1) / line * line
	if used <= len(rest.memory) {
		x := rest.memory[:size:size]
		rest.memory = rest.memory[used:]
		return x
	}
	whole := (size + huge - 1) / huge * huge
	x := make([]byte, whole+huge)
	skip := (huge - int(uintptr(unsafe.Pointer(&x[0]))%huge)) % huge
	x = x[skip : skip+whole]
	advise(x)
	if whole-used > len(rest.memory) {
		rest.memory = x[used:]
	}
	return x[:size:size]
}
