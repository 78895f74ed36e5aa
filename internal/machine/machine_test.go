package machine

import (
	"runtime"
	"runtime/debug"
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

func TestRevision(t *testing.T) {
	for want, settings := range map[string][]debug.BuildSetting{
		"":     {{Key: "vcs.modified", Value: "true"}},
		"abc":  {{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "false"}},
		"abc+": {{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "abc"}},
	} {
		if got := Revision(&debug.BuildInfo{Settings: settings}); got != want {
			t.Errorf("%q of %v, want %q", got, settings, want)
		}
	}
}
