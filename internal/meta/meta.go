// Package meta is what the meta-learning tasks of eval share: a learner whose
// update draws a batch of tasks, has each learned, and moves the slow parameters by
// the mean of a method's gradients.
package meta

import (
	"context"
	"math"
	"math/rand/v2"

	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/stats"
	"github.com/engram-lm/engram/internal/study"
	"github.com/engram-lm/engram/internal/trained"
	"github.com/engram-lm/engram/lstm/optim"
)

// Energy is a task to be learned.
type Energy = contrast.Energy[float32]

// Method gives the gradient of the evaluation loss after learning by theta, and
// learns without it; see contrast.Rule. A nil Method of a learner leaves theta as
// it was drawn.
type Method interface {
	Gradient(e Energy, theta, phi, dtheta []float32) contrast.Report
	Learn(e Energy, theta, phi []float32) (in, out float64)
}

// Task is one task that was drawn. It is no Energy itself, since it would hide what
// an energy can do beyond that interface: contrast.Curved.
type Task struct {
	Energy Energy
	// Value, which may be nil, is the task's metric at the end of learning; else it
	// is L_out.
	Value func(phi, theta []float32) float64
}

// Learner is a study.Learner.
type Learner struct {
	*trained.Weights
	Method Method
	Theta  []float32 // view of the one parameter
	Batch  int       // tasks an update
	Draw   func(r *rand.Rand) Task
	// DrawTest draws the tasks of the test; nil: Draw does.
	DrawTest func(r *rand.Rand) Task
	// AtLeast0 is where in theta the numbers begin that are put back to 0 when a step
	// takes them below; len(Theta): nowhere.
	AtLeast0 int
	Tests    int
	Seed     uint64
	// Validation chooses among the slow parameters of all updates; the zero value
	// does not.
	Validation Validation
	// Adapt learns tasks in a test; nil: Method does.
	Adapt Method
	// Show, which may be nil, makes the test's pictures and further measures.
	Show func() ([]study.Picture, []study.Measure, error)

	stream *rng.Stream
	dtheta []float32
	chosen chosen
}

// New returns a learner with slow parameters theta, whose outer optimiser is Adam.
func New(theta []float32, lr float64, seed uint64) *Learner {
	l := &Learner{Weights: trained.NewWeights(lr, 0), Theta: theta, AtLeast0: len(theta), Seed: seed, dtheta: make([]float32, len(theta))}
	l.Params = []optim.Param{{Name: "theta", Shape: []int{len(theta)}, Value: theta, Grad: l.dtheta}}
	l.stream = l.Stream(seed, "tasks")
	return l
}

// Update learns a batch of tasks and takes a step. Tasks are drawn one after the
// other, learned side by side and summed in their order.
func (l *Learner) Update() (study.Point, error) {
	if l.Method == nil {
		return study.Point{Loss: math.NaN(), Value: math.NaN(), Norm: math.NaN()}, nil
	}
	tasks := make([]Task, l.Batch)
	for i := range tasks {
		tasks[i] = l.Draw(l.stream.Rand)
	}
	grads, reports, values := make([][]float32, l.Batch), make([]contrast.Report, l.Batch), make([]float64, l.Batch)
	kernel.Parallel(l.Batch, func(i int) {
		fast, slow := tasks[i].Energy.Len()
		phi := make([]float32, fast)
		grads[i] = make([]float32, slow)
		reports[i] = l.Method.Gradient(tasks[i].Energy, l.Theta, phi, grads[i])
		values[i] = reports[i].Out
		if tasks[i].Value != nil {
			values[i] = tasks[i].Value(phi, l.Theta)
		}
	})
	clear(l.dtheta)
	var p study.Point
	for i, g := range grads {
		kernel.Axpy(1/float32(l.Batch), g, l.dtheta)
		p.Loss += reports[i].Out / float64(l.Batch)
		p.Value += values[i] / float64(l.Batch)
	}
	var err error
	p.Norm, err = l.Step()
	for i := l.AtLeast0; i < len(l.Theta); i++ {
		l.Theta[i] = max(l.Theta[i], 0)
	}
	if err == nil {
		l.validate()
	}
	return p, err
}

// learned has tasks learned side by side at slow parameters, and returns their
// metric.
func (l *Learner) learned(tasks []Task, theta []float32) []float64 {
	adapt := l.Adapt
	if adapt == nil {
		adapt = l.Method
	}
	values := make([]float64, len(tasks))
	kernel.Parallel(len(tasks), func(i int) {
		fast, _ := tasks[i].Energy.Len()
		phi := make([]float32, fast)
		_, values[i] = adapt.Learn(tasks[i].Energy, theta, phi)
		if tasks[i].Value != nil {
			values[i] = tasks[i].Value(phi, theta)
		}
	})
	return values
}

// Test learns held-out tasks. The outcome's value is the mean of their metric, with
// the ends of its 95% interval.
func (l *Learner) Test(ctx context.Context, progress func(int)) (*study.Outcome, error) {
	r := rng.New(l.Seed, "test")
	draw := l.DrawTest
	if draw == nil {
		draw = l.Draw
	}
	const block = 16 // so many learn between two looks at ctx
	var values []float64
	for from := 0; from < l.Tests; from += block {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(block, l.Tests-from)
		tasks := make([]Task, n)
		for i := range tasks {
			tasks[i] = draw(r.Rand)
		}
		values = append(values, l.learned(tasks, l.tested())...)
		progress(from + n)
	}
	out := &study.Outcome{Value: stats.Mean(values), Extra: append(
		[]study.Measure{{Name: "ci95", Value: stats.CI95(values), Single: true}}, l.rest(r.Rand)...)}
	if c := &l.chosen; c.At > 0 {
		out.Extra = append(out.Extra, study.Measure{Name: "chosen_at", Value: float64(c.At)},
			study.Measure{Name: "validation", Value: c.Value, Percent: l.Validation.Percent})
	}
	if l.Show == nil {
		return out, nil
	}
	pictures, more, err := l.Show()
	out.Pictures, out.Extra = pictures, append(out.Extra, more...)
	return out, err
}

// looked is how many held-out tasks the phases are looked at on.
const looked = 16

// rest returns how far from rest the phases of learning end, as means over some
// held-out tasks; nothing for a method without phases.
func (l *Learner) rest(r *rand.Rand) []study.Measure {
	rule, ok := l.Method.(*contrast.Rule[float32])
	if !ok {
		return nil
	}
	checked := *rule
	checked.Check = true
	tasks, reports := make([]Task, looked), make([]contrast.Report, looked)
	for i := range tasks {
		tasks[i] = l.Draw(r)
	}
	kernel.Parallel(looked, func(i int) {
		fast, slow := tasks[i].Energy.Len()
		reports[i] = checked.Gradient(tasks[i].Energy, l.tested(), make([]float32, fast), make([]float32, slow))
	})
	var free, nudged, drowned float64
	for i := range reports {
		free += reports[i].FreeGrad / looked
		nudged += reports[i].NudgedGrad / looked
		if reports[i].Drowned() {
			drowned += 1. / looked
		}
	}
	return []study.Measure{
		{Name: "free_gradient", Value: free}, {Name: "nudged_gradient", Value: nudged},
		{Name: "drowned", Value: drowned, Percent: true},
	}
}

// Narrow returns the float32 numbers of x.
func Narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}
