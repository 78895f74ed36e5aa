package kernel

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// fmaPerRound is the number of float32 multiply-adds in a round of peakLoop.
const fmaPerRound = 512

// PeakFMA measures how many float32 GFLOP/s (a multiply-add counts as two) the
// given number of threads reach together at this level, in registers alone. It
// takes about a fifth of a second. A busy machine gives less.
func PeakFMA(threads int) float64 {
	rounds := 1000
	for took := time.Duration(0); took < 20*time.Millisecond; {
		rounds *= 2
		start := time.Now()
		peakLoop(rounds)
		took = time.Since(start)
	}
	best := 0.0
	for range 5 {
		start := time.Now()
		var wg sync.WaitGroup
		for range threads {
			wg.Go(func() { peakLoop(rounds) })
		}
		wg.Wait()
		flops := 2 * fmaPerRound * float64(rounds) * float64(threads)
		best = max(best, flops/time.Since(start).Seconds()/1e9)
	}
	return best
}

func peakLoop(rounds int) {
	if simd != nil {
		simd.fma(rounds)
		return
	}
	var acc [8]float32
	for range rounds {
		a0, a1, a2, a3, a4, a5, a6, a7 := acc[0], acc[1], acc[2], acc[3], acc[4], acc[5], acc[6], acc[7]
		for range fmaPerRound / 8 {
			a0 = a0*0.5 + 1
			a1 = a1*0.5 + 1
			a2 = a2*0.5 + 1
			a3 = a3*0.5 + 1
			a4 = a4*0.5 + 1
			a5 = a5*0.5 + 1
			a6 = a6*0.5 + 1
			a7 = a7*0.5 + 1
		}
		acc = [8]float32{a0, a1, a2, a3, a4, a5, a6, a7}
	}
	peakSink.Store(math.Float32bits(acc[0]))
}

// peakSink keeps the compiler from dropping the plain loop.
var peakSink atomic.Uint32
