package optim

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/engram-lm/engram/lstm"
)

// A whole step clips the norm, moves the parameters and keeps the bounds.
func TestUpdate(t *testing.T) {
	specs := []lstm.Param{{Name: "w", Shape: []int{2}}, {Name: "k", Shape: []int{1}, Min: 0, Max: 1}}
	values, grads := [][]float32{{1, 2}, {0.5}}, [][]float32{{0, 4}, {3}}
	params := Params(specs, values, grads)
	norm, err := Update(&SGD{}, params, 1, 2.5) // 5, so that gradients are halved
	if err != nil || norm != 5 {
		t.Fatal(norm, err)
	}
	near(t, "w", values[0], 1, 0)
	near(t, "k", values[1], 0)
	grads[0][1] = 4
	grads[1][0] = -8
	if _, err := Update(NewAdam(0), params, 2, 0); err != nil {
		t.Fatal(err)
	}
	if w := values[0]; w[0] != 1 || math.Abs(float64(w[1]+2)) > 1e-4 {
		t.Errorf("w by Adam is %v, want [1 -2]", w)
	}
	w := float64(values[0][1])
	near(t, "k by Adam", values[1], 1)
	grads[0][0] = float32(math.NaN())
	_, err = Update(&SGD{}, params, 1, 0)
	if e, ok := errors.AsType[*NonFiniteError](err); !ok || e.Tensor != "w" {
		t.Error(err)
	}
	near(t, "w after a NaN", values[0], 1, w)
	for _, wrong := range []func(){
		func() { Params(specs, values[:1], grads) },
		func() { Params(specs, values, [][]float32{{1}, {1}}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("parameters that do not fit were taken")
				}
			}()
			wrong()
		}()
	}
}

// Two replicas with half of the data each, whose gradients are averaged between
// gradient and step, take the steps of one that has all of it, to the last bit,
// whatever the optimiser.
func TestReplicas(t *testing.T) {
	const steps, size = 5, 7
	data := func(half, step, i int) float32 { return float32((3*half+5*step+i*i)%11) - 4.7 }
	for _, name := range Names() {
		var kept [3][]float32 // of the two, and of the one alone
		var grads [2][]float32
		met := [2]chan bool{make(chan bool), make(chan bool)}
		meet := func(who int) { // until the other comes here too
			if who == 0 {
				met[0] <- true
				<-met[1]
			} else {
				<-met[0]
				met[1] <- true
			}
		}
		var all sync.WaitGroup
		for who := range 3 {
			all.Go(func() {
				o, err := New(name, Options{WeightDecay: 0.01, L2: 0.001})
				if err != nil {
					t.Error(err)
					return
				}
				w, g := make([]float32, size), make([]float32, size)
				s := &Stepper{Optimizer: o, MaxNorm: 3}
				if who < 2 {
					grads[who] = g
					s.Between = append(s.Between, func([]Param) error {
						meet(who) // both gradients are there
						mean := make([]float32, size)
						for i := range mean {
							mean[i] = (grads[0][i] + grads[1][i]) / 2
						}
						meet(who) // both have seen both
						copy(g, mean)
						return nil
					})
				}
				if a, ok := o.(Averager); ok {
					a.Trigger()
				}
				for step := range steps {
					for i := range g {
						if g[i] = w[i] - data(who, step, i); who == 2 {
							g[i] = ((w[i] - data(0, step, i)) + (w[i] - data(1, step, i))) / 2
						}
					}
					if _, err := s.Step([]Param{{Name: "w", Shape: []int{size}, Value: w, Grad: g}}, 0.3); err != nil {
						t.Error(err)
					}
				}
				kept[who] = w
			})
		}
		all.Wait()
		if !slices.Equal(kept[0], kept[2]) || !slices.Equal(kept[1], kept[2]) || kept[0][0] == 0 {
			t.Errorf("%s: the replicas come to %v and %v, alone %v", name, kept[0], kept[1], kept[2])
		}
	}
}

// What stands between gradient and step may refuse the step, or change its gradient.
func TestBetween(t *testing.T) {
	values, grads := [][]float32{{1, 2}}, [][]float32{{6, 8}}
	params := Params([]lstm.Param{{Name: "w", Shape: []int{2}, Shared: 2}}, values, grads)
	refused := errors.New("not now")
	s := &Stepper{Optimizer: &SGD{}, MaxNorm: 2.5, Between: []func([]Param) error{DivideShared}}
	norm, err := s.Step(params, 1)
	if err != nil || norm != 5 {
		t.Errorf("norm %v, %v; want that of the halved gradients, 5", norm, err)
	}
	near(t, "w", values[0], -0.5, 0)
	s.Between = append(s.Between, func([]Param) error { return refused })
	if _, err := s.Step(params, 1); err != refused {
		t.Error(err)
	}
	near(t, "w after a refusal", values[0], -0.5, 0)
}

// Optimisers go by name, each once.
func TestNames(t *testing.T) {
	for _, name := range Names() {
		if o, err := New(name, Options{}); err != nil || o == nil {
			t.Errorf("%s: %v, %v", name, o, err)
		}
	}
	if _, err := New("sdg", Options{}); err == nil || err.Error() != `optimizer "sdg": want one of sgd, asgd, adam` {
		t.Error(err)
	}
	if all := Listed(); all[1] != "asgd (SGD whose later steps are averaged)" || all[0] != "sgd" {
		t.Error(all)
	}
	kept := kinds
	defer func() { kinds = kept }()
	Register(Kind{Name: "none", New: func(Options) Optimizer { return &SGD{} }})
	if _, err := New("none", Options{}); err != nil {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("one name is taken twice")
		}
	}()
	Register(Kind{Name: "sgd"})
}

// L2 and decoupled decay are one under plain gradient descent, and two under Adam.
func TestPenalties(t *testing.T) {
	for name, want := range map[string]Optimizer{
		"sgd":  &SGD{WeightDecay: 0.75},
		"asgd": &ASGD{WeightDecay: 0.75},
		"adam": &Adam{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.25, L2: 0.5},
	} {
		if got, err := New(name, Options{WeightDecay: 0.25, L2: 0.5}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}
