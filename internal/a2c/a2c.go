// Package a2c trains recurrent agents by advantage actor-critic [1] over whole
// episodes, as Backpropamine does [2]: the network acts for T steps in B streams
// at once, and then one backward pass goes over all of them.
//
// The network is one recurrent layer with a policy pi and a value v read from its
// outputs h(t) by a linear map:
//
//	(z, v) = W_head h(t) + b_head,   pi = softmax(z)
//
// With the reward r(t) for action a(t), and the return R(t) = r(t) + gamma R(t+1),
// zero after the last step, the loss is the mean over steps and streams of
//
//   - log pi(a) (R - v)      the policy's, in which R - v is a constant
//   - ValueCoef (R - v)^2
//   - ConcentrationCoef sum_a pi(a)^2
//
// R - v is each stream's own advantage. The last term, which favours policies that
// are less certain, stands where other programs have the entropy, and is called
// so in [2]; it is the chance that two draws from pi are the same action.
//
//	[1] Mnih et al., Asynchronous methods for deep reinforcement learning, ICML
//	    2016, arXiv:1602.01783.
//	[2] Miconi, Rawal, Clune and Stanley, Backpropamine, ICLR 2019, arXiv:2002.10585.
package a2c

import "github.com/engram-lm/engram/internal/rng"

// Env is a batch of streams, each in an episode of its own; all begin and end
// theirs together.
type Env interface {
	Inputs() int  // size of an observation
	Actions() int // there are to choose from
	Steps() int   // of an episode
	// Reset begins an episode and writes the first observation [B, Inputs].
	Reset(obs []float32)
	// Step takes an action in each stream, and writes what it is worth, rewards
	// [B], and the next observation [B, Inputs].
	Step(actions []int, obs, rewards []float32)
	// Streams returns the streams' sources of randomness, whose positions are all
	// that is left of one episode in the next.
	Streams() []*rng.Stream
}

// Loss are the coefficients of the loss; see the package comment.
type Loss struct {
	Gamma             float64 // discount of later rewards
	ValueCoef         float64
	ConcentrationCoef float64
}

// Losses are the terms of the loss, means over steps and streams before their
// coefficients.
type Losses struct{ Policy, Value, Concentration float64 }

// Total is the loss.
func (l Losses) Total(c Loss) float64 {
	return l.Policy + c.ValueCoef*l.Value + c.ConcentrationCoef*l.Concentration
}
