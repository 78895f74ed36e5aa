package score

import (
	"math"

	"github.com/engram-lm/engram/internal/lm"
)

// Reader reads a text by a method.
type Reader[F lm.Float] func(Method[F]) (Losses, error)

// Trial is a setting that was tried on a text, and the mean NLL in nats that it
// gave: +Inf where that is no finite number.
type Trial[S any] struct {
	Setting S
	NLL     float64
}

// Best returns the first of the trials with the lowest NLL.
func Best[S any](trials []Trial[S]) Trial[S] {
	best := trials[0]
	for _, t := range trials {
		if t.NLL < best.NLL {
			best = t
		}
	}
	return best
}

// TuneDynamic tries settings of dynamic evaluation; rms is that of GradientRMS.
func TuneDynamic[F lm.Float](read Reader[F], settings []Dynamic, rms [][]F) ([]Trial[Dynamic], error) {
	var trials []Trial[Dynamic]
	for _, d := range settings {
		losses, err := read(Adapt(d, rms))
		if err != nil {
			return nil, err
		}
		trials = append(trials, Trial[Dynamic]{d, bounded(losses.Mean())})
	}
	return trials, nil
}

// TuneCache tries every theta with every weight in a cache of so many words on top
// of another method, all in one reading.
func TuneCache[F lm.Float](read Reader[F], inner Method[F], size int, thetas, weights []float64) ([]Trial[Cache], error) {
	var pointers []*pointer[F]
	losses, err := read(func(m *lm.Model[F]) (Predictor[F], error) {
		p, err := newPointer(m, inner, size, thetas)
		if err != nil {
			return nil, err
		}
		p.mix = func(s *recent[F], nll float64) float64 {
			if s.sums == nil {
				s.sums = make([]float64, len(thetas)*len(weights))
			}
			for i := range thetas {
				for k, w := range weights {
					s.sums[i*len(weights)+k] += s.mixed(w, nll, i)
				}
			}
			return nll
		}
		pointers = append(pointers, p)
		return p, nil
	})
	if err != nil {
		return nil, err
	}
	var trials []Trial[Cache]
	for i, theta := range thetas {
		for k, w := range weights {
			sum := 0.0
			for _, p := range pointers {
				for b := range p.streams {
					sum += p.streams[b].sums[i*len(weights)+k]
				}
			}
			trials = append(trials, Trial[Cache]{Cache{theta, w, size}, bounded(sum / float64(len(losses)))})
		}
	}
	return trials, nil
}

func bounded(nll float64) float64 {
	if math.IsNaN(nll) {
		return math.Inf(1)
	}
	return nll
}
