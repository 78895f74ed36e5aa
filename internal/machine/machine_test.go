package machine

import (
	"runtime"
	"testing"
)

func TestThis(t *testing.T) {
	s := This()
	if s.Go != runtime.Version() || s.OS != runtime.GOOS || s.Arch != runtime.GOARCH || s.Threads != runtime.GOMAXPROCS(0) {
		t.Errorf("%+v", s)
	}
	if s.CPU == "" || s.Kernel == "" {
		t.Errorf("%+v: no processor or no kernel", s)
	}
}
