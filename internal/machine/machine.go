// Package machine says what a run runs on, for its report.
package machine

import (
	"runtime"
	"runtime/debug"

	"github.com/klauspost/cpuid/v2"

	"github.com/engram-lm/engram/internal/kernel"
)

// System describes what a run runs on. Empty fields are not shown.
type System struct {
	Go       string `json:"go,omitempty"`     // runtime.Version()
	OS       string `json:"os,omitempty"`     // runtime.GOOS
	Arch     string `json:"arch,omitempty"`   // runtime.GOARCH
	CPU      string `json:"cpu,omitempty"`    // brand name
	Kernel   string `json:"kernel,omitempty"` // instruction set of the inner loops
	Threads  int    `json:"threads,omitempty"`
	Revision string `json:"revision,omitempty"` // see Revision
}

// This returns the system under the program, as it is set up now.
func This() System {
	cpu := cpuid.CPU.BrandName
	if cpu == "" {
		cpu = runtime.GOARCH
	}
	return System{
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, CPU: cpu,
		Kernel: kernel.Level(), Threads: runtime.GOMAXPROCS(0),
		Revision: revision(),
	}
}

// revision is Revision of the program itself.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return Revision(info)
}

// Revision is the commit that a program was built from, with + behind it if the
// working tree had changes; empty where the build does not say, as go run's.
func Revision(info *debug.BuildInfo) string {
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + changed
}
