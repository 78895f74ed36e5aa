// Package membound is the promise about memory that the tests of every parser
// hold it to: reading a file allocates at most 64 MB and a small multiple of the
// file's size, whatever its bytes are.
package membound

import (
	"runtime/metrics"
	"testing"
)

// The multiples of a file's size, by format.
const (
	Tensors = 2  // safetensors
	Arrow   = 4  // Arrow files of the cache
	Text    = 8  // corpora
	Tree    = 16 // JSON and YAML
)

// Check runs parse and fails t if it allocates more than Slack and times the
// file's size in bytes. It counts all that was ever allocated, freed or not, and
// so bounds the peak from above; it also counts what other goroutines allocate
// meanwhile, so that tests which use it must not run in parallel.
func Check(t testing.TB, size int, times uint64, parse func()) {
	t.Helper()
	if spent, limit := Spent(parse), Slack+times*uint64(size); spent > limit {
		t.Errorf("%d bytes were allocated for a file of %d; want at most %d", spent, size, limit)
	}
}

// Spent returns how many bytes parse allocates. It counts small objects by the
// pages they fill, so that nothing and a few kilobytes may look the same.
func Spent(parse func()) uint64 {
	before := allocated()
	parse()
	return allocated() - before
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}} // cheap enough for a fuzz target
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
