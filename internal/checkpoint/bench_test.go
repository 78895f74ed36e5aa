package checkpoint

import (
	"testing"
	"time"
)

// BenchmarkWriter writes checkpoints of the retroactive model of two layers of
// 200, vocabulary 10,000, trained by Adam with 20 streams: parameters and two
// moments, traces and eligibility traces. It tells how long the training waits
// for each (copy) and until it is on the disk (op).
func BenchmarkWriter(b *testing.B) {
	const params, traces = 4_812_004, 2 * 2 * 20 * 200 * 200
	s := &Snapshot{Tensors: map[string]Tensor{}, Blobs: map[string][]byte{}}
	for name, n := range map[string]int{"param": params, "adam.m": params, "adam.v": params, "state": traces} {
		s.Tensors[name] = Tensor{Shape: []int{n}, Data: make([]float32, n)}
	}
	w := &Writer{Root: b.TempDir(), Keep: 2}
	var copying time.Duration
	for b.Loop() {
		s.Step++
		began := time.Now()
		if err := w.Write(s); err != nil {
			b.Fatal(err)
		}
		copying += time.Since(began)
		if err := w.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(copying.Seconds()/float64(b.N), "copy-s/op")
	b.ReportMetric(4*float64(3*params+traces)/1e6, "MB")
}
