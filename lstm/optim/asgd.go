package optim

import (
	"cmp"
	"errors"

	"github.com/engram-lm/engram/internal/kernel"
)

// ASGD is averaged SGD (Polyak and Juditsky 1992), which AWD-LSTM (Merity, Keskar
// and Socher 2018) triggers late in a training: the steps are plain SGD, and from
// a trigger on the running mean of the parameters after each step is kept beside
// them,
//
//	avg <- avg + mu (p - avg),  mu = 1 / (t - t0 + 1)
//
// with t0 the first step after the trigger: after n such steps, the mean of all n.
// PyTorch's torch.optim.ASGD(t0=0, lambd=0), which AWD-LSTM's code uses, takes
// mu = 1 at the second of these steps as well, and so leaves out the first: its
// mean is that of the last n-1. The mean is what is evaluated and saved; Swap
// puts it in place.
type ASGD struct {
	WeightDecay float64

	triggered bool
	swapped   bool
	n         int64 // steps in the mean
	average   slots
}

const (
	asgdAverage   = "asgd.average."
	asgdTriggered = "asgd.triggered"
	asgdAveraged  = "asgd.averaged"
)

// Trigger starts the mean with the next step. Once started it goes on.
func (a *ASGD) Trigger() { a.triggered = true }

// Triggered reports whether the mean was started.
func (a *ASGD) Triggered() bool { return a.triggered }

func (a *ASGD) Step(params []Param, lr, scale float64) error {
	if a.swapped {
		return errors.New("the averages are in the place of the parameters; want them swapped back before the next step")
	}
	if err := check(params, lr, scale); err != nil {
		return err
	}
	if a.triggered {
		if a.average == nil {
			a.average = slots{}
		}
		if err := a.average.fit(asgdAverage, params, a.n == 0); err != nil {
			return err
		}
		a.n++
	}
	var bad error
	for i := range params {
		p := &params[i]
		bad = cmp.Or(bad, p.descend(lr, scale, a.WeightDecay))
		switch {
		case a.n == 1:
			copy(a.average[p.Name], p.Value) // mu = 1, and exactly p whatever the rounding
		case a.n > 1:
			average, mu := a.average[p.Name], float32(1/float64(a.n))
			inPieces(len(p.Value), func(lo, hi int) { kernel.AverageStep(average[lo:hi], p.Value[lo:hi], mu) })
		}
	}
	return bad
}

// Swap exchanges the parameters with their averages, to evaluate or save these;
// a second Swap exchanges them back. Before the first averaged step it does
// nothing.
func (a *ASGD) Swap(params []Param) error {
	if a.n == 0 {
		return nil
	}
	if err := a.average.fit(asgdAverage, params, false); err != nil {
		return err
	}
	for _, p := range params {
		avg := a.average[p.Name]
		for i := range avg {
			avg[i], p.Value[i] = p.Value[i], avg[i]
		}
	}
	a.swapped = !a.swapped
	return nil
}

// State must not be taken between two Swaps, when the averages are elsewhere.
func (a *ASGD) State() State {
	s := State{Slots: map[string][]float32{}, Counters: map[string]int64{asgdTriggered: 0, asgdAveraged: a.n}}
	if a.triggered {
		s.Counters[asgdTriggered] = 1
	}
	a.average.put(asgdAverage, s)
	return s
}

func (a *ASGD) Load(s State) error {
	if err := s.only("asgd", []string{asgdAverage}, []string{asgdTriggered, asgdAveraged}); err != nil {
		return err
	}
	a.triggered, a.n, a.swapped = s.Counters[asgdTriggered] != 0, s.Counters[asgdAveraged], false
	a.average = s.take(asgdAverage)
	return nil
}
