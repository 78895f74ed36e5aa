package kernel

import (
	"slices"
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns a copy of x whose end is that of the memory: to read on faults.
func guarded(t *testing.T, x []float32) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*len(x) + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(memory) })
	if err := syscall.Mprotect(memory[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	y := unsafe.Slice((*float32)(unsafe.Pointer(&memory[size-4*len(x)])), len(x))
	copy(y, x)
	return y
}

// A product touches nothing behind its matrices, whose last rows and columns fill
// neither tiles nor vectors.
func TestGemmStaysInside(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(12)
		for _, s := range [][3]int{{300, 200, 60}, {65, 35, 801}, {50, 47, 33}, {600, 9, 20}, {40, 100, 64}, {5, 77, 31}} {
			m, n, k := s[0], s[1], s[2]
			a, b, c := normal[float32](r, m*k), normal[float32](r, k*n), normal[float32](r, m*n)
			for _, in := range []Precision{F32, BF16} {
				for trans := range 4 {
					transA, transB := trans&1 != 0, trans&2 != 0
					lda, ldb := k, n
					if transA {
						lda = m
					}
					if transB {
						ldb = k
					}
					want, got := slices.Clone(c), guarded(t, c)
					GemmIn(in, transA, transB, m, n, k, 1, a, lda, b, ldb, 1, want, n)
					GemmIn(in, transA, transB, m, n, k, 1, guarded(t, a), lda, guarded(t, b), ldb, 1, got, n)
					if !slices.Equal(got, want) {
						t.Fatalf("%v in %v, transposed %v, %v: other bits", s, in, transA, transB)
					}
				}
			}
		}
	})
}

// Nor does a gathered one, or a sum of rows.
func TestGatheredStaysInside(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(25)
		for _, s := range gathered {
			m, n, k := s[0], s[1], s[2]
			if m*n*k == 0 {
				continue
			}
			a := Gathered[float32]{X: normal[float32](r, m+2*(k-1)), Rows: scattered(r, m, 1), Columns: scattered(r, k, 2)}
			b, c, to := normal[float32](r, k*n), normal[float32](r, m*n), scattered(r, m, n)
			got := guarded(t, c)
			Gathered[float32]{guarded(t, a.X), a.Rows, a.Columns}.Mul(n, guarded(t, b), n, got, to, got, to)
			if a.Mul(n, b, n, c, to, c, to); !slices.Equal(got, c) {
				t.Fatalf("%v: other bits", s)
			}
			AddRows(guarded(t, c[:n]), guarded(t, b), n)
		}
	})
}
