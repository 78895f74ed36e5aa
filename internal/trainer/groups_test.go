package trainer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
)

// The control arm is a standard LSTM in all but its parameter count: from the same
// weights both train to the same ones, whatever the clip, though the coefficients
// have a gradient.
func TestHeldAtZeroIsTheLSTM(t *testing.T) {
	for _, kind := range []string{"modulated", "plastic"} {
		still := newJob(t, t.TempDir(), kind, "hold_alpha=true", "start=published", "clip_norm=0.1", "l2=0.01")
		standard := newJob(t, t.TempDir(), "lstm", "clip_norm=0.1", "l2=0.01")
		m, err := lm.New[float32](still.Model, 3)
		must(t, err)
		still.Initial = m.Tensors()
		standard.Initial = map[string][]float32{}
		for name, x := range still.Initial {
			if modeldir.RoleOf(name) == modeldir.Weights {
				standard.Initial[name] = slices.Clone(x)
			}
		}
		train(t, still)
		train(t, standard)
		got := tensors(t, still, "last")
		for name, want := range tensors(t, standard, "last") {
			for i := range want {
				if math.Abs(float64(got[name][i]-want[i])) > 1e-5 {
					t.Fatalf("%s: %s[%d] is %v, the LSTM's %v", kind, name, i, got[name][i], want[i])
				}
			}
		}
		for name, x := range got {
			if strings.HasSuffix(name, ".alpha") && slices.ContainsFunc(x, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s: %s is %v, want zeros", kind, name, x)
			}
		}
	}
}

// moved tells which tensors of the roles differ from where they started.
func moved(t *testing.T, j *job) map[modeldir.Role]bool {
	t.Helper()
	m, err := lm.NewFrom[float32](j.Model, j.Seed, lm.Start{Scale: j.Recipe.InitScale, Layer: j.Recipe.StartLayer})
	must(t, err)
	start, roles := m.Tensors(), map[modeldir.Role]bool{}
	for name, x := range tensors(t, j, "last") {
		if !slices.Equal(x, start[name]) {
			roles[modeldir.RoleOf(name)] = true
		}
	}
	return roles
}

func TestLevers(t *testing.T) {
	for changes, want := range map[string][]modeldir.Role{
		"":                          {modeldir.Weights, modeldir.Coefficients, modeldir.Rates, modeldir.Modulator},
		"thaw=4":                    {modeldir.Weights},
		"thaw=3":                    {modeldir.Weights, modeldir.Coefficients, modeldir.Rates, modeldir.Modulator},
		"alpha_lr=0":                {modeldir.Weights, modeldir.Rates, modeldir.Modulator},
		"rate_lr=0":                 {modeldir.Weights, modeldir.Coefficients, modeldir.Modulator},
		"modulator_lr=0":            {modeldir.Weights, modeldir.Coefficients, modeldir.Rates},
		"optimizer=adam alpha_lr=0": {modeldir.Weights, modeldir.Rates, modeldir.Modulator},
	} {
		j := newJob(t, t.TempDir(), "modulated", append(strings.Fields(changes), "start=published", "alpha_start=0.1..0.2", "init_scale=0.3")...)
		train(t, j)
		moved := moved(t, j)
		for _, role := range []modeldir.Role{modeldir.Weights, modeldir.Coefficients, modeldir.Rates, modeldir.Modulator} {
			if moved[role] != slices.Contains(want, role) {
				t.Errorf("%q: moved %v, want %v", changes, moved, want)
				break
			}
		}
	}
}

// Clipped in one, a large gradient of some parameters shrinks the step of all; in
// groups it does not.
func TestClipGroupsApart(t *testing.T) {
	start := func(changes ...string) map[string][]float32 {
		j := newJob(t, t.TempDir(), "modulated", append(changes, "clip_norm=2e-4", "steps=1", "start=published", "alpha_start=0.5", "init_scale=3")...)
		train(t, j)
		return tensors(t, j, "last")
	}
	one, apart, unclipped := start(), start("clip_groups=true"), initialOf(t, "start=published", "alpha_start=0.5", "init_scale=3")
	norm := func(x map[string][]float32, role modeldir.Role) float64 {
		var sum float64
		for name := range x {
			for i, v := range x[name] {
				if modeldir.RoleOf(name) == role {
					sum += math.Pow(float64(v-unclipped[name][i]), 2)
				}
			}
		}
		return math.Sqrt(sum)
	}
	// At rate 1 a step is as long as the clipped gradient.
	var all float64
	for _, role := range []modeldir.Role{modeldir.Weights, modeldir.Coefficients, modeldir.Rates, modeldir.Modulator} {
		if got := norm(apart, role); math.Abs(got-2e-4) > 4e-6 {
			t.Errorf("apart, the step of the %s is %v long, want 0.0002", role, got)
		}
		all += math.Pow(norm(one, role), 2)
	}
	if math.Abs(math.Sqrt(all)-2e-4) > 4e-6 {
		t.Errorf("the step of all is %v long, want 0.0002", math.Sqrt(all))
	}
}

// initialOf is where a job with these settings starts.
func initialOf(t *testing.T, changes ...string) map[string][]float32 {
	t.Helper()
	j := newJob(t, t.TempDir(), "modulated", changes...)
	m, err := lm.NewFrom[float32](j.Model, j.Seed, lm.Start{Scale: j.Recipe.InitScale, Layer: j.Recipe.StartLayer})
	must(t, err)
	return m.Tensors()
}

// A start changes what it names and nothing else: the same numbers are drawn.
func TestStartsDrawTheSame(t *testing.T) {
	small, published := initialOf(t), initialOf(t, "start=published")
	for name, x := range small {
		same := slices.Equal(x, published[name])
		if named := modeldir.RoleOf(name) != modeldir.Weights && !strings.HasSuffix(name, "modulator.weight"); same == named {
			t.Errorf("%s: the same %v", name, same)
		}
	}
	for name, x := range published {
		bound := map[string]float32{"alpha": 1e-4, "fanout.weight": 1, "modulator.bias": 0.5}[strings.TrimPrefix(name, "layers.0.")]
		for _, v := range x {
			if bound != 0 && (v < -bound || v > bound || strings.HasSuffix(name, "alpha") && v < 0) {
				t.Errorf("%s has %v, beyond %v", name, v, bound)
			}
		}
	}
}

func TestLabelInMetrics(t *testing.T) {
	j := newJob(t, t.TempDir(), "lstm", "steps=2")
	j.Label = "slow"
	train(t, j)
	for _, l := range lines(t, j) {
		if l["model"] != "slow" {
			t.Errorf("%v", l)
		}
	}
}
