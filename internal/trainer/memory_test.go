package trainer

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// A training of 5,000 steps with a hundred checkpoints needs no more memory at
// its end than after its first thousand steps, and no more goroutines.
func TestMemoryStaysFlat(t *testing.T) {
	j := newJob(t, t.TempDir(), "retroactive", "epochs=1", "dropout=0.3", "checkpoint_every=50", "hidden=48")
	const steps, from = 5000, 1000
	j.Train = text("train", steps*j.Recipe.Batch*j.Recipe.BPTT+j.Recipe.Batch)
	var heap, goroutines [2]int
	step, quiet := 0, 0
	measure := func(i int) {
		for wait := 0; runtime.NumGoroutine() > quiet; wait++ { // a checkpoint under way has buffers of its own
			if wait > 1000 {
				t.Fatalf("%d goroutines, %d before a checkpoint", runtime.NumGoroutine(), quiet)
			}
			time.Sleep(10 * time.Millisecond)
		}
		// Twice: what a finaliser frees is gone after the second.
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[i], goroutines[i] = int(m.HeapAlloc), runtime.NumGoroutine()
	}
	j.watcher = &watcher{step: func() {
		switch step++; step {
		case 10:
			quiet = runtime.NumGoroutine()
		case from:
			measure(0)
		case steps:
			measure(1)
		}
	}}
	defer debug.SetGCPercent(debug.SetGCPercent(5)) // as train does
	train(t, j)
	if step != steps {
		t.Fatalf("%d steps", step)
	}
	if grown := heap[1] - heap[0]; grown > heap[0]/50 {
		t.Errorf("the heap grew from %d to %d bytes, by more than 2%%", heap[0], heap[1])
	}
	if goroutines[1] > goroutines[0] {
		t.Errorf("%d goroutines, %d before", goroutines[1], goroutines[0])
	}
	t.Logf("heap %d, then %d bytes; %d, then %d goroutines", heap[0], heap[1], goroutines[0], goroutines[1])
}
