package run

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/runfolder"
)

// trainings are those of a run, several of which learn side by side.
type trainings struct {
	run *Run

	mu   sync.Mutex
	done int                // how many are finished
	left []*Job             // the others
	at   map[*Job]Done      // how far they are, as far as that is known
	pace map[string]float64 // by model: seconds that a step takes; what is not known is not there
	told bool               // how long all of them will take
}

// learn takes all trainings that have not ended before to their end, and writes the
// report of what there is as they go on. An error of one training stops those beside
// it, which save.
func (r *Run) learn(ctx context.Context) error {
	dirs := []string{r.Dir}
	var order []Trainee
	for _, j := range r.Jobs {
		dirs = append(dirs, r.JobDir(j))
		order = append(order, Trainee{j.Model, j.Seed})
	}
	if err := runfolder.Sweep(dirs...); err != nil {
		return err
	}
	var err error
	if r.metrics, err = openMetrics(filepath.Join(r.Dir, MetricsFile)); err != nil {
		return err
	}
	r.charted(r.metrics)
	defer func() { r.metrics.close() }()
	t := &trainings{run: r, at: map[*Job]Done{}, pace: map[string]float64{}}
	for _, seed := range r.Seeds { // all models under a seed, then the next: a run that is stopped has something to compare
		for _, j := range r.Jobs {
			switch {
			case j.Seed != seed:
			case j.Result != nil:
				t.done++
			default:
				t.left = append(t.left, j)
			}
		}
	}
	if err := t.learn(ctx); err != nil {
		return err
	}
	return r.metrics.arrange(order)
}

func (t *trainings) learn(ctx context.Context) error {
	defer kernel.Share(0)
	if err := t.next(); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(t.atOnce())
	for _, j := range slices.Clone(t.left) {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			res, err := t.run.train(ctx, j, t)
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
			}
			return t.finish(j, res)
		})
	}
	return g.Wait()
}

// finish keeps the result of a training.
func (t *trainings) finish(j *Job, res *Result) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := res.write(j.host.Dir); err != nil {
		return err
	}
	j.Result = res
	t.done++
	t.left = slices.DeleteFunc(t.left, func(other *Job) bool { return other == j })
	t.tell()
	return t.next()
}

// next prepares for what is left: the cores are shared out anew, and what is
// finished is reported.
func (t *trainings) next() error {
	kernel.Share(max(1, runtime.GOMAXPROCS(0)/t.atOnce()))
	if len(t.left) == 0 || t.done == 0 && !t.run.Resumed {
		return nil // the report of all comes at the end, and there is nothing yet to tell of
	}
	_, err := t.run.publish()
	return err
}

// How long a report may stay behind the checkpoints within an epoch, and how many times
// longer than it took a run goes on without the next one: epochs of some milliseconds
// are not worth a report each.
const (
	reportEvery = 10 * time.Second
	reportRest  = 20
)

// saved reports what there is when a training has begun to save, at the end of one of
// its epochs or between.
func (t *trainings) saved(epoch bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if since := time.Since(t.run.published); since < reportRest*t.run.publishing || !epoch && since < reportEvery {
		return nil
	}
	_, err := t.run.publish()
	return err
}

// publish writes the report of what there is.
func (r *Run) publish() (Report, error) {
	begin := time.Now()
	rep, err := r.Program.Report(r, false)
	if err == nil {
		err = rep.Write(r.Dir)
	}
	r.published, r.publishing = time.Now(), time.Since(begin)
	return rep, err
}

// Incomplete is what a report says of a run that is not at its end; "" if it is.
func (r *Run) Incomplete() string {
	done := 0
	for _, j := range r.Jobs {
		if j.Result != nil {
			done++
		}
	}
	if done == len(r.Jobs) {
		return ""
	}
	return fmt.Sprintf(incomplete+" %d of its %d trainings are finished; of the others there are curves at most.", done, len(r.Jobs))
}

// incomplete is in every report of a run that is not at its end.
const incomplete = "This run is not complete:"

// atOnce returns how many of those left learn side by side.
func (t *trainings) atOnce() int {
	n := t.run.Settings.Running().Parallel
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return max(1, min(n, len(t.left)))
}

// foretellAfter is how many seconds of training tell how long it will take.
const foretellAfter = 3

// foretell takes account of how far a training is and of what its steps take, as
// soon as that is known; the first time of a model it says how long a training of it
// will take, and when that is known of all models, how long the run will.
func (t *trainings) foretell(j *training, at Done) {
	trained := at.Seconds - j.began.Seconds
	if trained < foretellAfter || at.Steps == j.began.Steps {
		return
	}
	step := trained / float64(at.Steps-j.began.Steps)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[j.Job] = at
	_, known := t.pace[j.Model]
	t.pace[j.Model] = step
	if known {
		return
	}
	if seconds := t.expect(Done{}, step); seconds > worthTelling {
		t.run.Log.Printf("%s: %sabout %s of training a seed", j.Model, t.atMost(), Rounded(seconds))
	}
	if !t.told {
		t.tell()
	}
}

// worthTelling is how many seconds are worth telling beforehand.
const worthTelling = 60

// tell says how long several trainings will still take, if that is known.
func (t *trainings) tell() {
	if len(t.left) < 2 {
		return
	}
	sum, longest := 0.0, 0.0
	for _, j := range t.left {
		step, known := t.pace[j.Model]
		if !known {
			return
		}
		seconds := t.expect(t.at[j], step)
		sum += seconds
		longest = max(longest, seconds)
	}
	if seconds := max(longest, sum/float64(t.atOnce())); seconds > worthTelling {
		t.told = true
		t.run.Log.Printf("%d of %d trainings finished, %sabout %s left", t.done, len(t.left)+t.done, t.atMost(), Rounded(seconds))
	}
}

// expect returns how many seconds a training that has come so far will still take
// if its steps take so many each, unless it reaches its goal before.
func (t *trainings) expect(at Done, step float64) float64 {
	seconds := step * float64(t.run.Total(t.run.Settings)-at.Steps)
	if t.run.Limit != nil {
		if bound, limited := t.run.Limit(at); limited {
			seconds = min(seconds, bound)
		}
	}
	return max(seconds, 0)
}

// atMost is what to say before a time that reaching the goal may shorten.
func (t *trainings) atMost() string {
	if t.run.AtMost {
		return "at most "
	}
	return ""
}

// Rounded writes a time in seconds to two places or so.
func Rounded(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
