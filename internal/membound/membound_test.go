package membound

import (
	"fmt"
	"testing"
)

// recorder is a test that only notes that it has failed.
type recorder struct {
	testing.TB
	failed string
}

func (r *recorder) Helper()                      {}
func (r *recorder) Errorf(f string, args ...any) { r.failed = fmt.Sprintf(f, args...) }

var sink []byte

func TestCheck(t *testing.T) {
	allocate := func(n int) func() {
		return func() {
			for range 4 { // freed memory counts too
				sink = make([]byte, n/4)
			}
			sink = nil
		}
	}
	for _, c := range []struct {
		size    int
		times   uint64
		spent   int
		refused bool
	}{
		{0, Tree, Slack - 1<<20, false},
		{0, Tree, Slack + 1<<20, true},
		{8 << 20, Tensors, Slack + 15<<20, false},
		{8 << 20, Tensors, Slack + 17<<20, true},
	} {
		r := &recorder{TB: t}
		Check(r, c.size, c.times, allocate(c.spent))
		if (r.failed != "") != c.refused {
			t.Errorf("%d bytes for a file of %d: %q", c.spent, c.size, r.failed)
		}
	}
}
