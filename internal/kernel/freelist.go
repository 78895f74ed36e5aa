package kernel

import "sync"

// A freeList keeps what is not in use now for the next call. Unlike a sync.Pool
// it is not emptied by collections, which would make a product allocate its
// buffers anew; it holds no more than were ever in use at one time.
type freeList[T any] struct {
	mu   sync.Mutex
	free []*T
}

// get returns a kept value, or nil.
func (l *freeList[T]) get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.free) - 1
	if last < 0 {
		return nil
	}
	x := l.free[last]
	l.free = l.free[:last]
	return x
}

func (l *freeList[T]) put(x *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, x)
}
