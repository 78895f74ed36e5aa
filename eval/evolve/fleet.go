package evolve

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/es"
	"github.com/engram-lm/engram/internal/mpi"
)

// A fleet is the processes of a run. Rank 0 keeps the run's folder; all hold the
// same strategies, draw the same members, evaluate those whose number leaves their
// rank, tell each other what they are worth, and take the same step. Rank 0 says
// only when: each of its orders reaches all others, which follow it in turn.
type fleet struct {
	world *mpi.World // nil: one process
	mu    sync.Mutex // an order and what belongs to it are one
	made  int        // populations so far; each has its number

	restart bool // evolutions that go on begin anew around their means
}

// order is what rank 0 tells the others to do.
type order struct {
	Do         string    `json:"do"`
	Population int       `json:"population"`
	Settings   *Settings `json:"settings,omitempty"` // make
	Model      string    `json:"model,omitempty"`
	Seed       uint64    `json:"seed,omitempty"`
	State      *es.State `json:"state,omitempty"` // load
}

// What there is to do.
const (
	makeOne = "make" // a population
	loadOne = "load" // a state of a population
	evolve  = "evolve"
	end     = "end"
)

// alone reports whether there is nobody to give orders to.
func (f *fleet) alone() bool { return f == nil || f.world == nil || f.world.Size() == 1 }

// restarts reports whether evolutions that go on begin anew around their means.
func (f *fleet) restarts() bool { return f != nil && f.restart }

// order sends one; the caller holds mu.
func (f *fleet) order(o order) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = f.world.Broadcast(b)
	return err
}

// join makes the population in the other processes and returns its number.
func (f *fleet) join(s Settings, model string, seed uint64) (int, error) {
	if f.alone() {
		return 0, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	return f.made - 1, f.order(order{Do: makeOne, Population: f.made - 1, Settings: &s, Model: model, Seed: seed})
}

// load gives the state of a population to the other processes.
func (f *fleet) load(number int, s es.State) error {
	if f.alone() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.order(order{Do: loadOne, Population: number, State: &s})
}

// evaluate lets all processes evaluate their members of a population.
func (f *fleet) evaluate(number int, p *population) error {
	if f.alone() {
		p.evaluate(0, 1)
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.order(order{Do: evolve, Population: number}); err != nil {
		return err
	}
	return f.share(p)
}

// share evaluates the members of this process and gets the others'.
func (f *fleet) share(p *population) error {
	p.evaluate(f.world.Rank(), f.world.Size())
	return errors.Join(f.world.Share(p.worth), f.world.Share(p.steps))
}

// release ends the other processes' following.
func (f *fleet) release() error {
	if f.alone() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.order(order{Do: end})
}

// follow does what rank 0 orders, until it is released, on so many threads; "0" or
// nothing stands for one a core.
func (f *fleet) follow(threads string) error {
	if n, err := strconv.Atoi(threads); err == nil {
		if err := cli.SetThreads(n); err != nil {
			return err
		}
	}
	var all []*population
	for {
		b, err := f.world.Broadcast(nil)
		if err != nil {
			return err
		}
		var o order
		if err := json.Unmarshal(b, &o); err != nil {
			return fmt.Errorf("an order of rank 0: %w", err)
		}
		switch o.Do {
		case makeOne:
			p, err := newPopulation(*o.Settings, o.Model, o.Seed)
			if err != nil {
				return err
			}
			all = append(all, p)
		case loadOne:
			err = all[o.Population].strategy.Load(*o.State)
		case evolve:
			p := all[o.Population]
			if err = f.share(p); err == nil {
				// Where no member is worth a number rank 0 has the same error, and ends
				// this training.
				_ = p.strategy.Tell(p.worth)
			}
		case end:
			return nil
		default:
			err = fmt.Errorf("an order of rank 0 to %q; want the same build everywhere", o.Do)
		}
		if err != nil {
			return err
		}
	}
}
