// Package machine says what a run runs on, for its report.
package machine

import (
	"runtime"

	"github.com/klauspost/cpuid/v2"

	"github.com/engram-lm/engram/internal/kernel"
)

// System describes what a run runs on. Empty fields are not shown.
type System struct {
	Go      string `json:"go,omitempty"`     // runtime.Version()
	OS      string `json:"os,omitempty"`     // runtime.GOOS
	Arch    string `json:"arch,omitempty"`   // runtime.GOARCH
	CPU     string `json:"cpu,omitempty"`    // brand name
	Kernel  string `json:"kernel,omitempty"` // instruction set of the inner loops
	Threads int    `json:"threads,omitempty"`
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
	}
}
