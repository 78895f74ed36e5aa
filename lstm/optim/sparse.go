package optim

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/engram-lm/engram/internal/kernel"
)

// size returns the number of elements of a row.
func (p *Param) size() int { return len(p.Value) / p.Shape[0] }

// check refuses a gradient that does not fit the values.
func (p *Param) check() error {
	if p.Rows == nil {
		if len(p.Value) != len(p.Grad) {
			return fmt.Errorf("parameter %s has %d values and %d gradients; want as many", p.Name, len(p.Value), len(p.Grad))
		}
		return nil
	}
	if len(p.Shape) == 0 || p.Shape[0] < 1 || len(p.Value)%p.Shape[0] != 0 {
		return fmt.Errorf("parameter %s has a gradient by rows, but %d values in the shape %v; want whole rows", p.Name, len(p.Value), p.Shape)
	}
	if want := len(p.Rows) * p.size(); len(p.Grad) != want {
		return fmt.Errorf("parameter %s has %d gradients; want the %d of %d rows", p.Name, len(p.Grad), want, len(p.Rows))
	}
	last := -1
	for _, row := range p.Rows {
		if row <= last || row >= p.Shape[0] {
			return fmt.Errorf("parameter %s has a gradient of row %d behind row %d; want rows in ascending order, below %d", p.Name, row, last, p.Shape[0])
		}
		last = row
	}
	return nil
}

// index returns the place in Value of element i of Grad.
func (p *Param) index(i int) int {
	if p.Rows == nil {
		return i
	}
	return p.Rows[i/p.size()]*p.size() + i%p.size()
}

// touched calls f for the values and the gradients of each row in Rows, on
// several cores; at is where the values begin in Value. It returns the index of
// the first value among these that is not finite then, or -1.
func (p *Param) touched(f func(value, grad []float32, at int)) int {
	size := p.size()
	var bad firstIndex
	inParts(len(p.Rows), size, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := p.Rows[i] * size
			value := p.Value[at : at+size]
			f(value, p.Grad[i*size:(i+1)*size], at)
			bad.look(value, at)
		}
	})
	return bad.index()
}

// all is touched for every value: in long parts if the gradient is dense, else
// row by row, with zeros for the gradient of a row that is not in Rows. The
// gradients are multiplied by scale, and l2 times the values added to them, just
// before f, which finds them in the cache.
func (p *Param) all(scale, l2 float64, f func(value, grad []float32, at int)) int {
	var bad firstIndex
	part := func(value, grad []float32, at int) {
		f(value, grad, at)
		bad.look(value, at)
	}
	scaled := func(value, grad []float32) []float32 {
		if scale != 1 {
			kernel.Scale(float32(scale), grad)
		}
		if l2 != 0 {
			kernel.Axpy(float32(l2), value, grad)
		}
		return grad
	}
	if p.Rows == nil {
		inPieces(len(p.Value), func(lo, hi int) { part(p.Value[lo:hi], scaled(p.Value[lo:hi], p.Grad[lo:hi]), lo) })
		return bad.index()
	}
	size := p.size()
	inParts(p.Shape[0], size, func(lo, hi int) {
		none := make([]float32, size) // the gradient of a row that is not in Rows
		i, _ := slices.BinarySearch(p.Rows, lo)
		for row := lo; row < hi; row++ {
			value, grad := p.Value[row*size:(row+1)*size], none
			if i < len(p.Rows) && p.Rows[i] == row {
				grad = p.Grad[i*size : (i+1)*size]
				i++
			} else {
				clear(none)
			}
			part(value, scaled(value, grad), row*size)
		}
	})
	return bad.index()
}

// nonFinite is the error of a value that is not finite after a step; nil for an
// index of -1.
func (p *Param) nonFinite(i int) error {
	if i < 0 {
		return nil
	}
	return &NonFiniteError{p.Name, "parameter", i, p.Value[i]}
}

// firstIndex finds the first element that is not finite, whatever the order in
// which several goroutines look. It does so while a step has the values in the
// cache: to look at a model's parameters afterwards takes another pass over memory.
type firstIndex struct{ past atomic.Int64 } // the index + 1; 0 for none

func (f *firstIndex) look(x []float32, at int) {
	i := kernel.IndexNonFinite(x)
	if i < 0 {
		return
	}
	found := int64(at + i + 1)
	for was := f.past.Load(); was == 0 || found < was; was = f.past.Load() {
		if f.past.CompareAndSwap(was, found) {
			return
		}
	}
}

func (f *firstIndex) index() int { return int(f.past.Load()) - 1 }
