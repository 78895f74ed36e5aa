package score

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/lm"
)

// Cache is the continuous cache [1]: a pointer to the last words. What the model
// predicts is mixed with the words that came when its top layer put out something
// like now,
//
//	p(w) = (1 - weight) p_model(w) + weight p_cache(w)
//	p_cache(w) proportional to the sum over the last size words w_i = w of exp(theta h . h_i)
//
// with h the top layer's output now and h_i that before w_i. While nothing has been
// read the model predicts alone.
//
//	[1] Grave, Joulin and Usunier, Improving Neural Language Models with a Continuous
//	    Cache, ICLR 2017, arXiv:1612.04426.
type Cache struct {
	Theta  float64
	Weight float64
	Size   int // words
}

// Point returns the method of the cache on top of another, nil for the model alone.
func Point[F lm.Float](c Cache, inner Method[F]) Method[F] {
	return func(m *lm.Model[F]) (Predictor[F], error) {
		p, err := newPointer(m, inner, c.Size, []float64{c.Theta})
		if err != nil {
			return nil, err
		}
		p.mix = func(s *recent[F], nll float64) float64 { return s.mixed(c.Weight, nll, 0) }
		return p, nil
	}
}

// mixed is the NLL of (1-w) e^-nll + w e^logShare; with a weight of 0 it is nll, to
// the bit.
func mixed(w, nll, logShare float64) float64 {
	a, b := math.Log1p(-w)-nll, math.Log(w)+logShare
	if a < b {
		a, b = b, a
	}
	if math.IsInf(a, -1) {
		return math.Inf(1)
	}
	return -(a + math.Log1p(math.Exp(b-a)))
}

// pointer is a Predictor with a cache.
type pointer[F lm.Float] struct {
	Predictor[F]
	m       *lm.Model[F]
	size    int
	thetas  []float64
	mix     func(s *recent[F], nll float64) float64
	streams []recent[F]
	nll     []float64
}

// recent are the last words of a stream, a ring.
type recent[F lm.Float] struct {
	words     []int32
	hidden    []F       // [size, H]: before each of them
	count     int       // words so far
	scores    []float64 // h . h_i of the words that are there
	logShares []float64 // for each theta: see look
	sums      []float64 // of TuneCache
}

func newPointer[F lm.Float](m *lm.Model[F], inner Method[F], size int, thetas []float64) (*pointer[F], error) {
	p := &pointer[F]{Predictor: m, m: m, size: size, thetas: thetas}
	if inner != nil {
		var err error
		if p.Predictor, err = inner(m); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Hold holds what the cache lies on, if that can be held.
func (p *pointer[F]) Hold() (release func()) {
	if h, ok := p.Predictor.(holder); ok {
		return h.Hold()
	}
	return func() {}
}

// Close closes what the cache lies on, if that wants it.
func (p *pointer[F]) Close() {
	if c, ok := p.Predictor.(closer); ok {
		c.Close()
	}
}

// Score scores the window word by word: each is stored when it has been scored.
func (p *pointer[F]) Score(x, y []int32, state lm.State[F]) ([]float64, error) {
	nll, err := p.Predictor.Score(x, y, state)
	if err != nil {
		return nil, err
	}
	batch, hidden := state[0].Batch, p.m.Hidden()
	n := len(hidden) / len(y)
	for len(p.streams) < batch {
		p.streams = append(p.streams, recent[F]{
			words: make([]int32, p.size), hidden: make([]F, p.size*n),
			scores: make([]float64, p.size), logShares: make([]float64, len(p.thetas)),
		})
	}
	if cap(p.nll) < len(nll) {
		p.nll = make([]float64, len(nll))
	}
	p.nll = p.nll[:len(nll)]
	kernel.Parallel(batch, func(b int) {
		s := &p.streams[b]
		for i := b; i < len(y); i += batch {
			h := hidden[i*n : (i+1)*n]
			s.look(y[i], h, p.thetas)
			p.nll[i] = p.mix(s, nll[i])
			s.store(y[i], h)
		}
	})
	return p.nll, nil
}

// look sets logShares, the logarithm of the share of word among the stored ones as
// h weighs them.
func (s *recent[F]) look(word int32, h []F, thetas []float64) {
	there := min(s.count, len(s.words))
	most := math.Inf(-1)
	for i := range there {
		s.scores[i] = float64(kernel.Dot(h, s.hidden[i*len(h):]))
		most = max(most, s.scores[i])
	}
	for k, theta := range thetas {
		of, all := 0.0, 0.0
		for i, score := range s.scores[:there] {
			e := math.Exp(theta * (score - most))
			if all += e; s.words[i] == word {
				of += e
			}
		}
		s.logShares[k] = math.Log(of / all)
	}
}

// mixed is the NLL of the word that was looked for, in the cache of the k-th theta.
func (s *recent[F]) mixed(weight, nll float64, k int) float64 {
	if s.count == 0 {
		return nll
	}
	return mixed(weight, nll, s.logShares[k])
}

func (s *recent[F]) store(word int32, h []F) {
	i := s.count % len(s.words)
	s.words[i] = word
	copy(s.hidden[i*len(h):], h)
	s.count++
}
