package optim

import (
	"fmt"
	"maps"
	"math"
)

// Schedule gives the learning rate of each epoch; epochs count from 1.
type Schedule interface {
	// Rate returns the learning rate of an epoch.
	Rate(epoch int) float64
	// Observe reports the validation NLL, in nats, at the end of an epoch.
	Observe(epoch int, validNLL float64)
	// State returns what Load needs to go on the same way; all of it finite.
	State() map[string]float64
	// Load restores a state that State gave, and refuses any other.
	Load(state map[string]float64) error
}

// decay is a constant rate followed by a geometric decay.
type decay struct {
	rate, factor float64
	start        int
}

// NewDecay returns the schedule that is rate before the epoch start and
// rate factor^(epoch-start+1) from it on; with start 0 the rate is constant.
func NewDecay(rate, factor float64, start int) (Schedule, error) {
	if err := checkSchedule(rate, factor); err != nil {
		return nil, err
	}
	if start < 0 {
		return nil, fmt.Errorf("decay from epoch %d; want an epoch of at least 1, or 0 for none", start)
	}
	return &decay{rate, factor, start}, nil
}

func (d *decay) Rate(epoch int) float64 {
	if d.start == 0 || epoch < d.start {
		return d.rate
	}
	return d.rate * math.Pow(d.factor, float64(epoch-d.start+1))
}

func (d *decay) Observe(int, float64)      {}
func (d *decay) State() map[string]float64 { return map[string]float64{} }

func (d *decay) Load(state map[string]float64) error {
	if len(state) != 0 {
		return fmt.Errorf("schedule state has %d values; want none for a decay by epochs", len(state))
	}
	return nil
}

// plateau lowers the rate whenever the validation NLL stops falling.
type plateau struct {
	factor, tolerance, min float64
	rate                   float64
	best                   float64
	seen                   bool // best holds an NLL
}

// NewPlateau returns the schedule that starts at rate and multiplies it by
// factor, down to min, after each epoch whose validation NLL is not below the
// best one before by more than tolerance. A NaN does not improve on anything.
func NewPlateau(rate, factor, tolerance, min float64) (Schedule, error) {
	if err := checkSchedule(rate, factor); err != nil {
		return nil, err
	}
	if !(tolerance >= 0) || math.IsInf(tolerance, 0) {
		return nil, fmt.Errorf("tolerance %v; want a number of nats of at least 0", tolerance)
	}
	if !(min >= 0 && min <= rate) {
		return nil, fmt.Errorf("smallest learning rate %v; want 0 to %v", min, rate)
	}
	return &plateau{factor: factor, tolerance: tolerance, min: min, rate: rate}, nil
}

func (p *plateau) Rate(int) float64 { return p.rate }

func (p *plateau) Observe(_ int, validNLL float64) {
	finite := !math.IsNaN(validNLL) && !math.IsInf(validNLL, 0)
	if finite && (!p.seen || validNLL < p.best-p.tolerance) {
		p.best, p.seen = validNLL, true
		return
	}
	p.rate = math.Max(p.min, p.rate*p.factor)
}

func (p *plateau) State() map[string]float64 {
	state := map[string]float64{"plateau.rate": p.rate}
	if p.seen {
		state["plateau.best"] = p.best
	}
	return state
}

func (p *plateau) Load(state map[string]float64) error {
	rest := maps.Clone(state)
	rate, ok := rest["plateau.rate"]
	best, seen := rest["plateau.best"]
	delete(rest, "plateau.rate")
	delete(rest, "plateau.best")
	if !ok || len(rest) > 0 || !(rate >= 0) || math.IsInf(rate, 0) || math.IsNaN(best) {
		return fmt.Errorf("schedule state %v; want plateau.rate, of at least 0, and plateau.best", state)
	}
	p.rate, p.best, p.seen = rate, best, seen
	return nil
}

func checkSchedule(rate, factor float64) error {
	if !(rate > 0) || math.IsInf(rate, 0) {
		return fmt.Errorf("learning rate %v; want a finite number above 0", rate)
	}
	if !(factor > 0 && factor <= 1) {
		return fmt.Errorf("decay factor %v; want above 0 and at most 1", factor)
	}
	return nil
}
