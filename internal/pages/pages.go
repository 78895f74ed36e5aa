// Package pages allocates large buffers on huge pages where the system has them
// to give: a matrix that is walked along its columns then costs no page-table
// walk at every step, and what shares a second-level cache does not collide in it
// by accident of physical addresses.
package pages

import "unsafe"

const huge = 2 << 20

// Make returns a zeroed slice of n elements, on pages of 2 MB where it is large
// and the system allows it, anywhere else otherwise.
func Make[T any](n int) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if n*size < huge/4 {
		return make([]T, n)
	}
	whole := (n*size + huge - 1) / huge * huge
	x := make([]T, (whole+huge)/size)
	skip := (huge - int(uintptr(unsafe.Pointer(&x[0]))%huge)) % huge / size
	advise(unsafe.Slice((*byte)(unsafe.Pointer(&x[skip])), whole))
	return x[skip : skip+n]
}
