package optim

import (
	"math"
	"slices"
	"testing"
)

// three parameters: one without a group, one dense and one by rows in groups.
func grouped(a, b *Group) []Param {
	return []Param{
		{Name: "w", Shape: []int{3}, Value: []float32{1, -2, 3}, Grad: []float32{3, 0, 4}},
		{Name: "alpha", Shape: []int{2}, Value: []float32{.5, -.5}, Grad: []float32{5, 12}, Group: a},
		{Name: "rows", Shape: []int{3, 2}, Value: []float32{1, 2, 3, 4, 5, 6}, Grad: []float32{8, 15}, Rows: []int{1}, Group: b},
	}
}

func nearly(t *testing.T, what string, got []float32, want ...float64) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i])-want[i]) > 1e-6*max(1, math.Abs(want[i])) {
			t.Errorf("%s is %v, want %v", what, got, want)
			return
		}
	}
}

func TestGroupsUnderSGD(t *testing.T) {
	for _, o := range []Optimizer{&SGD{WeightDecay: 0.5}, &ASGD{WeightDecay: 0.5}} {
		p := grouped(&Group{Rate: 3}, &Group{Rate: 0.5, Scale: 2})
		if err := o.Step(p, 0.1, 0.25); err != nil {
			t.Fatal(err)
		}
		// p - lr rate (scale g + decay p)
		nearly(t, "w", p[0].Value, 1-.1*(.25*3+.5*1), -2-.1*(.5*-2), 3-.1*(.25*4+.5*3))
		nearly(t, "alpha", p[1].Value, .5-.3*(.25*5+.5*.5), -.5-.3*(.25*12-.5*.5))
		nearly(t, "rows", p[2].Value, 1-.05*.5, 2-.05*.5*2, 3-.05*(2*8+.5*3), 4-.05*(2*15+.5*4), 5-.05*.5*5, 6-.05*.5*6)
	}
}

// A held parameter stays to the bit under every optimiser, and counts in no norm.
func TestHeldParameters(t *testing.T) {
	for name, o := range map[string]Optimizer{"sgd": &SGD{.1}, "asgd": &ASGD{WeightDecay: .1}, "adam": &Adam{Beta1: .9, Beta2: .999, Eps: 1e-8, WeightDecay: .1, L2: .1}} {
		p := grouped(&Group{}, &Group{})
		was := grouped(nil, nil)
		for range 3 {
			copy(p[2].Grad, was[2].Grad)
			if norm, err := GlobalNorm(p); err != nil || name != "adam" && norm != 5 {
				t.Errorf("%s: norm %v, %v, want that of w, 5", name, norm, err)
			}
			if err := o.Step(p, 1, 0.5); err != nil {
				t.Fatal(err)
			}
		}
		if slices.Equal(p[0].Value, was[0].Value) || !slices.Equal(p[1].Value, was[1].Value) || !slices.Equal(p[2].Value, was[2].Value) {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestClipGroups(t *testing.T) {
	a, b := &Group{Rate: 1}, &Group{Rate: 1}
	// The norms are 5, 13 and 17.
	if scale := ClipGroups(grouped(a, b), 10); scale != 1 || a.Scale != 10.0/13 || b.Scale != 10.0/17 {
		t.Errorf("scales %v, %v, %v", scale, a.Scale, b.Scale)
	}
	if scale := ClipGroups(grouped(a, a), 2.5); scale != 0.5 || a.Scale != 2.5/math.Sqrt(13*13+17*17) {
		t.Errorf("scales %v, %v of two parameters in a group", scale, a.Scale)
	}
	if scale := ClipGroups(grouped(a, b), 0); scale != 1 || a.Scale != 1 || b.Scale != 1 {
		t.Errorf("scales %v, %v, %v with the clip turned off", scale, a.Scale, b.Scale)
	}
}

// Adam with L2 is Adam whose gradients have the penalty in them already, for rows
// without a gradient too.
func TestAdamL2(t *testing.T) {
	const l2, lr, scale = 0.3, 0.01, 0.5
	with, by := NewAdam(0.01), NewAdam(0.01)
	with.L2 = l2
	p, q := grouped(nil, nil), grouped(nil, nil)
	for i := range q {
		q[i].Rows = nil
	}
	for step := range 4 {
		for i := range p {
			fresh := grouped(nil, nil)[i]
			p[i].Grad = fresh.Grad
			q[i].Grad = make([]float32, len(q[i].Value))
			for j, g := range fresh.Grad {
				q[i].Grad[fresh.index(j)] = g * scale
			}
			for j, v := range q[i].Value {
				q[i].Grad[j] += l2 * v
			}
		}
		if err := with.Step(p, lr, scale); err != nil {
			t.Fatal(err)
		}
		if err := by.Step(q, lr, 1); err != nil {
			t.Fatal(err)
		}
		for i := range p {
			for j, v := range p[i].Value {
				if math.Abs(float64(v-q[i].Value[j])) > 1e-6 {
					t.Fatalf("step %d: %s is %v, want %v", step, p[i].Name, p[i].Value, q[i].Value)
				}
			}
		}
	}
}

func TestGroupsThatCannotBe(t *testing.T) {
	for _, g := range []Group{{Rate: -1}, {Rate: math.NaN()}, {Rate: math.Inf(1)}, {Rate: 1, Scale: -1}, {Rate: 1, Scale: math.NaN()}} {
		p := grouped(&g, nil)
		if err := (&SGD{}).Step(p, 1, 1); err == nil || p[0].Value[0] != 1 {
			t.Errorf("%+v was taken: %v", g, p[0].Value)
		}
	}
}
