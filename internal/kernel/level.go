package kernel

import (
	"fmt"
	"os"
)

// levelEnv forces a lower level than the processor offers: go, avx2 or avx512.
const levelEnv = "ENGRAM_KERNEL"

// A levelKind names a set of instructions; a higher one includes the lower.
type levelKind int

const (
	levelGo     levelKind = iota // plain Go
	levelAVX2                    // AVX2 and FMA
	levelAVX512                  // AVX-512 F, DQ, BW and VL
)

var levelNames = [...]string{levelGo: "go", levelAVX2: "avx2", levelAVX512: "avx512"}

func (l levelKind) String() string { return levelNames[l] }

// level is the level in use and simd its float32 routines, nil at levelGo. Both
// are set before main and changed only by tests.
var (
	level levelKind
	simd  *routines
)

// Level names the instructions in use: "go", "avx2" or "avx512".
func Level() string { return level.String() }

func init() {
	l, err := chooseLevel(os.Getenv(levelEnv), detectLevel())
	if err != nil {
		fmt.Fprintln(os.Stderr, "kernel:", err)
	}
	setLevel(l)
}

// chooseLevel returns the level that the environment asks for, but no more than
// the processor's best. An unknown name gives the best and an error.
func chooseLevel(name string, best levelKind) (levelKind, error) {
	if name == "" {
		return best, nil
	}
	for l, known := range levelNames {
		if name == known {
			return min(levelKind(l), best), nil
		}
	}
	return best, fmt.Errorf("%s=%q is not a level; want go, avx2 or avx512; using %s", levelEnv, name, best)
}

func setLevel(l levelKind) {
	level, simd = l, levelRoutines(l)
}
