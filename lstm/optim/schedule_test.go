package optim

import (
	"math"
	"testing"
)

func TestDecay(t *testing.T) {
	s, err := NewDecay(20, 0.25, 4)
	if err != nil {
		t.Fatal(err)
	}
	for epoch, want := range map[int]float64{1: 20, 3: 20, 4: 5, 5: 1.25, 6: 0.3125} {
		s.Observe(epoch, 5)
		if got := s.Rate(epoch); got != want {
			t.Errorf("epoch %d: rate %v, want %v", epoch, got, want)
		}
	}
	constant, err := NewDecay(3, 0.5, 0)
	if err != nil || constant.Rate(100) != 3 {
		t.Errorf("constant: %v, %v", constant.Rate(100), err)
	}
}

func TestPlateau(t *testing.T) {
	s, err := NewPlateau(8, 0.5, 0.1, 1.5)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct{ nll, want float64 }{
		{6, 8},
		{5.5, 8},
		{5.45, 4},       // an improvement within the tolerance
		{5.35, 4},       // against the best, which is 5.5
		{math.NaN(), 2}, // a NaN is none
		{math.Inf(-1), 1.5},
		{9, 1.5}, // the smallest
		{4, 1.5},
	} {
		s.Observe(i+1, c.nll)
		if got := s.Rate(i + 2); got != c.want {
			t.Errorf("after epoch %d, NLL %v: rate %v, want %v", i+1, c.nll, got, c.want)
		}
	}
}

func TestScheduleStateContinues(t *testing.T) {
	fresh := func() Schedule {
		s, err := NewPlateau(1, 0.7, 0.01, 0.001)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	nlls := []float64{7, 6, 6.2, 5.9, 5.9, 6, 5.5, 5.6}
	whole := fresh()
	for cut := range nlls {
		first, second := fresh(), fresh()
		for _, nll := range nlls[:cut] {
			first.Observe(0, nll)
		}
		if err := second.Load(first.State()); err != nil {
			t.Fatal(err)
		}
		whole = fresh()
		for i, nll := range nlls {
			whole.Observe(0, nll)
			if i >= cut {
				second.Observe(0, nll)
			}
		}
		if second.Rate(0) != whole.Rate(0) {
			t.Errorf("cut after %d: rate %v, want %v", cut, second.Rate(0), whole.Rate(0))
		}
	}
	d, err := NewDecay(1, 0.5, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Load(d.State()); err != nil {
		t.Error(err)
	}
	if err := d.Load(whole.State()); err == nil {
		t.Error("a decay took a plateau's state")
	}
	for _, state := range []map[string]float64{
		{}, {"plateau.best": 1}, {"plateau.rate": math.NaN()}, {"plateau.rate": -1}, {"plateau.rate": 1, "x": 1},
	} {
		if err := whole.Load(state); err == nil {
			t.Errorf("a plateau took the state %v", state)
		}
	}
}

func TestSchedulesRefuse(t *testing.T) {
	for _, c := range []struct {
		rate, factor float64
		start        int
	}{{0, 0.5, 1}, {math.NaN(), 0.5, 1}, {math.Inf(1), 0.5, 1}, {1, 0, 1}, {1, 1.1, 1}, {1, math.NaN(), 1}, {1, 0.5, -1}} {
		if _, err := NewDecay(c.rate, c.factor, c.start); err == nil {
			t.Errorf("decay %+v was accepted", c)
		}
	}
	for _, c := range [][4]float64{{-1, 0.5, 0, 0}, {1, 2, 0, 0}, {1, 0.5, -1, 0}, {1, 0.5, math.NaN(), 0}, {1, 0.5, 0, 2}, {1, 0.5, 0, math.NaN()}} {
		if _, err := NewPlateau(c[0], c[1], c[2], c[3]); err == nil {
			t.Errorf("plateau %v was accepted", c)
		}
	}
}
