package optim

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func param(name string, value, grad []float32) Param {
	return Param{Name: name, Shape: []int{len(value)}, Value: value, Grad: grad}
}

// near compares float32 results with numbers worked out by hand or in float64.
func near(t *testing.T, what string, got []float32, want ...float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= 1e-6*(1+math.Abs(want[i]))) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestSGD(t *testing.T) {
	p := param("w", []float32{1, -2}, []float32{0.5, 1})
	s := &SGD{WeightDecay: 0.1}
	if err := s.Step([]Param{p}, 2, 1); err != nil {
		t.Fatal(err)
	}
	// 1 - 2 (0.5 + 0.1) and -2 - 2 (1 - 0.2)
	near(t, "after a step", p.Value, -0.2, -3.6)
	near(t, "gradient", p.Grad, 0.5, 1)
}

func TestASGD(t *testing.T) {
	p := param("w", []float32{10}, []float32{1})
	params := []Param{p}
	a := &ASGD{}
	step := func() {
		t.Helper()
		if err := a.Step(params, 1, 1); err != nil {
			t.Fatal(err)
		}
	}
	step()
	if err := a.Swap(params); err != nil || a.Triggered() {
		t.Fatalf("before the trigger: %v, triggered %v", err, a.Triggered())
	}
	near(t, "before the trigger", p.Value, 9)
	a.Trigger()
	step()
	step()
	step()
	if err := a.Swap(params); err != nil {
		t.Fatal(err)
	}
	near(t, "mean of 8, 7 and 6", p.Value, 7)
	if err := a.Step(params, 1, 1); err == nil {
		t.Error("a step on the averages was taken")
	}
	if err := a.Swap(params); err != nil {
		t.Fatal(err)
	}
	near(t, "swapped back", p.Value, 6)
	step()
	near(t, "mean of 8, 7, 6 and 5", a.State().Slots["asgd.average.w"], 6.5)
}

// TestAdam holds Adam against the paper's equations in float64, over 50 steps
// of changing gradients.
func TestAdam(t *testing.T) {
	const n, lr, wd = 37, 0.01, 0.02
	r := rand.New(rand.NewPCG(1, 2))
	p := param("w", make([]float32, n), make([]float32, n))
	want, m, v := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range p.Value {
		p.Value[i] = float32(r.NormFloat64())
		want[i] = float64(p.Value[i])
	}
	a := NewAdam(wd)
	for step := 1; step <= 50; step++ {
		for i := range p.Grad {
			p.Grad[i] = float32(r.NormFloat64())
			g := float64(p.Grad[i])
			m[i] = 0.9*m[i] + 0.1*g
			v[i] = 0.999*v[i] + 0.001*g*g
			mHat, vHat := m[i]/(1-math.Pow(0.9, float64(step))), v[i]/(1-math.Pow(0.999, float64(step)))
			want[i] -= lr * (mHat/(math.Sqrt(vHat)+1e-8) + wd*want[i])
		}
		if err := a.Step([]Param{p}, lr, 1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range want {
		if d := math.Abs(float64(p.Value[i]) - want[i]); !(d <= 5e-6) {
			t.Errorf("element %d is %v, want %v", i, p.Value[i], want[i])
		}
	}
}

func TestAdamFirstStep(t *testing.T) {
	// The corrected moments of a first step are g and g^2: it moves by lr against the sign.
	p := param("w", []float32{1, 1, 1}, []float32{3, -1e-3, 0})
	if err := NewAdam(0).Step([]Param{p}, 0.1, 1); err != nil {
		t.Fatal(err)
	}
	near(t, "after a step", p.Value, 0.9, 1.1, 1)
}

// TestStateContinues: a run of 2N steps and one whose optimiser and parameters
// are saved and restored after N end in the same bits.
func TestStateContinues(t *testing.T) {
	const n = 8
	for name, fresh := range map[string]func() Optimizer{
		"sgd":  func() Optimizer { return &SGD{WeightDecay: 1e-3} },
		"asgd": func() Optimizer { return &ASGD{WeightDecay: 1e-3} },
		"adam": func() Optimizer { return NewAdam(1e-3) },
	} {
		r := rand.New(rand.NewPCG(3, 4))
		gradients := make([][]float32, 2*n)
		for i := range gradients {
			gradients[i] = make([]float32, 21)
			for j := range gradients[i] {
				gradients[i][j] = float32(r.NormFloat64())
			}
		}
		run := func(o Optimizer, params []Param, from, to int) {
			for i := from; i < to; i++ {
				if a, ok := o.(*ASGD); ok && i == 3 {
					a.Trigger()
				}
				copy(params[0].Grad, gradients[i])
				copy(params[1].Grad, gradients[i][10:])
				if err := o.Step(params, 0.1, 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		newParams := func() []Param {
			return []Param{
				param("a", make([]float32, 10), make([]float32, 10)),
				param("b", make([]float32, 11), make([]float32, 11)),
			}
		}
		whole, wholeParams := fresh(), newParams()
		run(whole, wholeParams, 0, 2*n)

		first, params := fresh(), newParams()
		run(first, params, 0, n)
		second := fresh()
		if err := second.Load(first.State()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		restored := newParams()
		for i := range restored {
			copy(restored[i].Value, params[i].Value)
		}
		run(first, params, n, n+1) // must not reach into the copy
		run(second, restored, n, 2*n)

		for i, p := range restored {
			if !slices.Equal(p.Value, wholeParams[i].Value) {
				t.Errorf("%s: parameter %s differs after the restart", name, p.Name)
			}
		}
		got, want := second.State(), whole.State()
		if len(got.Slots) != len(want.Slots) {
			t.Errorf("%s: %d slots, want %d", name, len(got.Slots), len(want.Slots))
		}
		for slot, x := range want.Slots {
			if !slices.Equal(got.Slots[slot], x) {
				t.Errorf("%s: slot %s differs after the restart", name, slot)
			}
		}
		for counter, n := range want.Counters {
			if got.Counters[counter] != n {
				t.Errorf("%s: %s is %d, want %d", name, counter, got.Counters[counter], n)
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	counters := func(names ...string) map[string]int64 {
		m := map[string]int64{}
		for _, n := range names {
			m[n] = 3
		}
		return m
	}
	vectors := func(names ...string) map[string][]float32 {
		m := map[string][]float32{}
		for _, n := range names {
			m[n] = make([]float32, 2)
		}
		return m
	}
	for name, c := range map[string]struct {
		o     Optimizer
		state State
		want  string // in the error of Load, or of the step after it
	}{
		"sgd, adam's":      {&SGD{}, State{vectors("adam.m.w"), counters("adam.steps")}, "adam.m.w is not one of sgd"},
		"asgd, adam's":     {&ASGD{}, State{nil, counters("asgd.triggered", "asgd.averaged", "adam.steps")}, "adam.steps is not one of asgd"},
		"adam, empty":      {NewAdam(0), State{}, "adam.steps is missing"},
		"adam, negative":   {NewAdam(0), State{nil, map[string]int64{"adam.steps": -1}}, "adam.steps is missing or negative"},
		"adam, no moments": {NewAdam(0), State{nil, counters("adam.steps")}, "adam.m.w has 0 values; want the 2"},
		"adam, half":       {NewAdam(0), State{vectors("adam.m.w"), counters("adam.steps")}, "adam.v.w has 0 values; want the 2"},
		"adam, surplus":    {NewAdam(0), State{vectors("adam.m.w", "adam.v.w", "adam.m.x"), counters("adam.steps")}, "of 2 parameters; want the 1"},
		"asgd, no average": {&ASGD{}, State{nil, counters("asgd.triggered", "asgd.averaged")}, "asgd.average.w has 0 values"},
	} {
		p := param("w", []float32{1, 2}, []float32{1, 1})
		err := c.o.Load(c.state)
		if err == nil {
			err = c.o.Step([]Param{p}, 1, 1)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		near(t, name, p.Value, 1, 2)
	}
}

func TestStepRefuses(t *testing.T) {
	for name, o := range map[string]Optimizer{"sgd": &SGD{}, "asgd": &ASGD{}, "adam": NewAdam(0)} {
		good := param("w", []float32{1}, []float32{1})
		for _, lr := range []float64{-1, math.NaN(), math.Inf(1)} {
			if err := o.Step([]Param{good}, lr, 1); err == nil {
				t.Errorf("%s: rate %v was accepted", name, lr)
			}
		}
		for _, scale := range []float64{-1, 0, math.NaN(), math.Inf(1)} {
			if err := o.Step([]Param{good}, 1, scale); err == nil {
				t.Errorf("%s: gradients times %v were accepted", name, scale)
			}
		}
		if err := o.Step([]Param{{Name: "w", Value: []float32{1}}}, 1, 1); err == nil {
			t.Errorf("%s: a parameter without a gradient was accepted", name)
		}
	}
}
