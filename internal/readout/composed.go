package readout

import (
	"math"

	"github.com/engram-lm/engram/lstm"
)

// Reader is the definition: one stream that reads step by step, in the order of the
// package comment and as plainly as it goes. The tests hold a Window equal to it.
type Reader struct {
	Memory Memory
	Params [][]float64 // as Memory.Params
	Frozen bool

	pairs   []pair // the oldest first
	pending []float64
}

// pair is what a memory holds.
type pair struct {
	key      []float64
	word     int
	strength float64 // M(t) when it was written
}

// Step reads a word with the hidden state h [H] that it led to. It returns what
// the memory says of the next word: the gate g, and the shares of words.
func (r *Reader) Step(word int, h []float64) (g float64, shares map[int]float64) {
	p := r.Params
	key := r.key(h)
	strength := sigmoid(dot(p[modulatorWeight], key) + p[modulatorBias][0])
	if !r.Frozen {
		if r.pending != nil {
			r.pairs = append(r.pairs, pair{r.pending, word, strength})
			r.pairs = r.pairs[max(0, len(r.pairs)-r.Memory.Slots):]
		}
		r.pending = key
	}
	shares = map[int]float64{}
	var sum float64
	for j, e := range r.pairs {
		age := float64(len(r.pairs) - 1 - j)
		weight := e.strength * math.Exp(p[sharpness][0]*dot(key, e.key)-p[fade][0]*age/float64(r.Memory.Slots))
		shares[e.word] += weight
		sum += weight
	}
	if len(r.pairs) == 0 {
		return 0, shares
	}
	for word := range shares {
		shares[word] /= sum
	}
	return sigmoid(p[gateMatch][0]*math.Log(sum)/r.Memory.scale() + dot(p[gateWeight], h) + p[gateBias][0]), shares
}

// key returns the direction of W h.
func (r *Reader) key(h []float64) []float64 {
	key := make([]float64, r.Memory.Key)
	for i := range key {
		key[i] = dot(r.Params[keyWeight][i*len(h):(i+1)*len(h)], h)
	}
	length := math.Sqrt(dot(key, key) + tiny)
	for i := range key {
		key[i] /= length
	}
	return key
}

// State returns the state of the stream as a Window carries it.
func (r *Reader) State() *lstm.State[float64] {
	s := lstm.StateOf[float64](r.Memory.State(), 1)
	keys, words := s.Part(keysPart), s.Part(wordsPart)
	for i, e := range r.pairs {
		copy(keys[i*r.Memory.Key:], e.key)
		words[i] = float64(e.word)
	}
	if r.pending != nil {
		copy(s.Part(pendingPart), r.pending)
		copy(s.Part(placePart), []float64{float64(len(r.pairs) % r.Memory.Slots), float64(len(r.pairs)), 1})
	}
	return s
}

func sigmoid(x float64) float64 { return math.Exp(logSigmoid(x)) }

func dot(x, y []float64) (sum float64) {
	for i, v := range x {
		sum += v * y[i]
	}
	return sum
}
