package kernel

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func setWorkers(n int) { workers = n }

// withWorkers runs f with n workers, more than the machine may have.
func withWorkers(n int, f func()) {
	defer setWorkers(workers)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	setWorkers(n)
	f()
}

func TestParallelRunsEachTaskOnce(t *testing.T) {
	for _, w := range []int{1, 2, 4} {
		withWorkers(w, func() {
			for _, n := range []int{0, 1, 2, 3, 100, 5000} {
				runs := make([]atomic.Int32, n)
				Parallel(n, func(i int) { runs[i].Add(1) })
				for i := range runs {
					if got := runs[i].Load(); got != 1 {
						t.Fatalf("%d workers: task %d of %d ran %d times", w, i, n, got)
					}
				}
			}
		})
	}
}

func TestWorkerSlotsAreExclusive(t *testing.T) {
	withWorkers(4, func() {
		held := make([]atomic.Bool, Workers())
		for range 200 {
			ParallelWorkers(50, func(worker, _ int) {
				if !held[worker].CompareAndSwap(false, true) {
					t.Errorf("slot %d is held twice", worker)
				}
				runtime.Gosched()
				held[worker].Store(false)
			})
		}
	})
}

// Of each call no more tasks run at a time than Share allows, and all run; without
// it they run side by side.
func TestShare(t *testing.T) {
	defer Share(0)
	withWorkers(4, func() {
		for _, c := range []struct{ share, want int }{{0, 4}, {1, 1}, {2, 2}, {9, 4}, {-1, 4}} {
			Share(c.share)
			for _, call := range []func(int, func()){
				func(n int, f func()) { Parallel(n, func(int) { f() }) },
				func(n int, f func()) { ParallelWorkers(n, func(int, int) { f() }) },
			} {
				var now, most, ran atomic.Int64
				call(64, func() {
					ran.Add(1)
					for n := now.Add(1); ; {
						if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
							break
						}
					}
					time.Sleep(time.Millisecond)
					now.Add(-1)
				})
				if got := int(most.Load()); ran.Load() != 64 || got != c.want {
					t.Errorf("Share(%d): %d of 64 tasks ran, %d at a time; want %d", c.share, ran.Load(), got, c.want)
				}
			}
		}
	})
}

func TestNestedAndConcurrentCalls(t *testing.T) {
	withWorkers(3, func() {
		var count atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				Parallel(10, func(int) {
					Parallel(10, func(int) {
						ParallelWorkers(10, func(int, int) { count.Add(1) })
					})
				})
			})
		}
		wg.Wait()
		if got := count.Load(); got != 8000 {
			t.Errorf("%d tasks ran, want 8000", got)
		}
	})
}

func TestPanicSurfacesInCaller(t *testing.T) {
	cause := errors.New("task 3 failed")
	for _, w := range []int{1, 2, 4} {
		withWorkers(w, func() {
			for range 50 {
				func() {
					defer func() {
						if r := recover(); r != cause {
							t.Errorf("%d workers: recovered %v, want %v", w, r, cause)
						}
					}()
					Parallel(20, func(i int) {
						if i == 3 {
							panic(cause)
						}
					})
				}()
			}
			var count atomic.Int64 // the pool still works
			Parallel(100, func(int) { count.Add(1) })
			if got := count.Load(); got != 100 {
				t.Errorf("%d workers: %d tasks ran after a panic, want 100", w, got)
			}
		})
	}
}

func TestParallelAllocatesNothing(t *testing.T) {
	withWorkers(2, func() {
		f := func(int) {}
		g := func(int, int) {}
		got := testing.AllocsPerRun(200, func() { Parallel(4, f); ParallelWorkers(4, g) })
		if got >= 1 {
			t.Errorf("%v allocations a call, want none", got)
		}
	})
}

func BenchmarkParallel(b *testing.B) {
	f := func(int) {}
	for b.Loop() {
		Parallel(2*workers, f)
	}
}
