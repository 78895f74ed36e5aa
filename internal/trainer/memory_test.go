package trainer

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"
)

// A training of 5,000 steps with a hundred checkpoints needs no more memory at
// its end than after its first thousand steps, and no more goroutines.
func TestMemoryStaysFlat(t *testing.T) {
	j := newJob(t, t.TempDir(), "retroactive", "epochs=1", "dropout=0.3", "checkpoint_every=50", "hidden=48")
	const steps, from = 5000, 1000
	j.Train = text("train", steps*j.Recipe.Batch*j.Recipe.BPTT+j.Recipe.Batch)
	var heap, goroutines [2]int
	step := 0
	var tr *training
	measure := func(i int) {
		must(t, tr.writer.Wait()) // a checkpoint under way has buffers of its own
		// Twice: what a finaliser frees is gone after the second.
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap[i], goroutines[i] = int(m.HeapAlloc), runtime.NumGoroutine()
	}
	j.Observer = &watcher{step: func() {
		switch step++; step {
		case from:
			measure(0)
		case steps:
			measure(1)
		}
	}}
	m, err := OpenMetrics(filepath.Join(t.TempDir(), "metrics.jsonl"))
	must(t, err)
	defer m.Close()
	j.Metrics = m
	tr, err = j.begin()
	must(t, err)
	_, err = tr.run(context.Background())
	must(t, err)
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
