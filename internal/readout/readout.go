// Package readout is the plastic readout: an associative memory between the top
// layer of a language model and its vocabulary, which learns while the model
// reads. It ties what the reader was thinking (pre: a trained projection of h(t))
// to the word that came (post: known a step later), as a Hebbian trace ties the
// activity of two neurons, but keeps the last N pairs apart instead of adding them
// up, and compares by a trained sharpness. For one stream, at the step that has
// read the word x(t) and predicts x(t+1):
//
//	k(t)  = W h(t) / |W h(t)|                       key [D]
//	M(t)  = sigmoid(w . k(t) + b)                   neuromodulator, which has seen x(t)
//	write (k(t-1), x(t), M(t)); forget the oldest beyond N
//	s_j   = beta k(t) . k_j + ln M_j - phi age_j/N  for each entry j
//	a     = softmax(s)
//	g(t)  = sigmoid(gamma ln(sum_j e^s_j) / ln(N+1) + u . h(t) + c)
//	p(v)  = (1 - g) p_vocab(v) + g sum_j a_j [x_j = v]
//
// age_j is 0 for the pair written last. W, beta, phi, w, b, gamma, u and c are
// trained, through all of this and by all pairs that are in the memory; keys of
// windows before the one at hand are constants, as all carried state is. While the
// memory is empty, g is 0. The log decay of a step is phi/N.
//
// Its fixed cousin is the continuous cache [1], with g and beta chosen by hand, no
// W, M = 1 and phi = 0; that g falls where nothing in the memory fits is the
// pointer sentinel's [2] idea, which is gamma = ln(N+1); the update of modern Hopfield
// networks [3] is a softmax over stored patterns likewise.
//
//	[1] Grave, Joulin and Usunier, Improving neural language models with a
//	    continuous cache, ICLR 2017, arXiv:1612.04426.
//	[2] Merity, Xiong, Bradbury and Socher, Pointer sentinel mixture models, ICLR
//	    2017, arXiv:1609.07843.
//	[3] Ramsauer et al., Hopfield networks is all you need, ICLR 2021,
//	    arXiv:2008.02217.
package readout

import (
	"math"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/lstm"
)

// Float is the element type: float32 is trained in, float64 checks gradients.
type Float = kernel.Float

// Memory is what a memory is: its sizes.
type Memory struct {
	Hidden int // H, of the layer below
	Key    int // D
	Slots  int // N, pairs that a stream's memory holds
}

// scale is ln(N+1), which ln sum_j e^s_j is divided by in the gate: of the size of 1
// then, it does not make gamma learn many times as fast as c, which shut gates for
// good.
func (m Memory) scale() float64 { return math.Log(float64(m.Slots + 1)) }

// Where the parameters stand in Params.
const (
	keyWeight = iota
	sharpness
	fade
	modulatorWeight
	modulatorBias
	gateWeight
	gateBias
	gateMatch
	paramCount
)

// Params lists the trained parameters. They begin with a gate that is open by an
// eighth, whatever the memory finds.
func (m Memory) Params() []lstm.Param {
	k := 1 / math.Sqrt(float64(m.Hidden))
	list := make([]lstm.Param, paramCount)
	list[keyWeight] = lstm.Param{Name: "key.weight", Shape: []int{m.Key, m.Hidden}, Lo: -k, Hi: k} // W
	list[sharpness] = lstm.Param{Name: "sharpness", Shape: []int{1}, Lo: 7, Hi: 7}                 // beta
	list[fade] = lstm.Param{Name: "fade", Shape: []int{1}, Lo: 2, Hi: 2}                           // phi
	list[modulatorWeight] = lstm.Param{Name: "modulator.weight", Shape: []int{m.Key}, Lo: -k, Hi: k}
	list[modulatorBias] = lstm.Param{Name: "modulator.bias", Shape: []int{1}}
	list[gateWeight] = lstm.Param{Name: "gate.weight", Shape: []int{m.Hidden}} // u
	list[gateBias] = lstm.Param{Name: "gate.bias", Shape: []int{1}, Lo: -2, Hi: -2}
	list[gateMatch] = lstm.Param{Name: "gate.match", Shape: []int{1}} // gamma
	return list
}

// The parts of a stream's state.
const (
	keysPart    = "memory.keys"    // [N, D], a ring
	wordsPart   = "memory.words"   // [N]
	pendingPart = "memory.pending" // [D], the key whose word is not known yet
	placePart   = "memory.place"   // [3]: see place
)

// State lists what a stream carries. All zero is an empty memory.
func (m Memory) State() []lstm.Part {
	return []lstm.Part{
		{Name: keysPart, Shape: []int{m.Slots, m.Key}, Role: lstm.Memory},
		{Name: wordsPart, Shape: []int{m.Slots}, Role: lstm.Memory},
		{Name: pendingPart, Shape: []int{m.Key}, Role: lstm.Memory},
		{Name: placePart, Shape: []int{3}, Role: lstm.Memory},
	}
}

// place says where a stream's ring begins.
type place struct {
	next    int // slot that is written next: the oldest pair's, once the ring is full
	filled  int // pairs in the ring
	pending int // 1 if there is a pending key, 0 at the start of a text
}

// slot returns where the pair of an age lies in a ring of n slots.
func (p place) slot(age, n int) int { return (p.next - 1 - age + n) % n }

func readPlace[F Float](x []F) place { return place{int(x[0]), int(x[1]), int(x[2])} }

// Mode says what a memory does.
type Mode int

// The modes.
const (
	On     Mode = iota
	Frozen      // it is read and stays as it is
	Off         // it is not read: g = 0
)

// logSigmoid returns ln sigmoid(x), without overflow.
func logSigmoid(x float64) float64 {
	if x < 0 {
		return x - math.Log1p(math.Exp(x))
	}
	return -math.Log1p(math.Exp(-x))
}

// logAdd returns ln(e^a + e^b).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
