package run

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/runfolder"
)

// learning is what a run knows of its trainings, several of which learn side by side.
type learning struct {
	mu   sync.Mutex // of the jobs too
	told bool       // how long all of them will take

	published  time.Time     // when the report was written last
	publishing time.Duration // how long that took
}

// Learn takes all trainings that have not ended before to their end, and writes the
// report of what there is as they go on. An error of one training stops those beside
// it, which save.
func (r *Run) Learn(ctx context.Context) error {
	dirs := []string{r.Dir}
	var order []Trainee
	for _, j := range r.Jobs {
		dirs = append(dirs, r.JobDir(j))
		order = append(order, j.trainee())
	}
	if err := runfolder.Sweep(dirs...); err != nil {
		return err
	}
	var err error
	if r.metrics, err = openMetrics(r.Dir, r.Settings.Running().TensorBoard); err != nil {
		return err
	}
	defer func() { r.metrics.close() }()
	defer kernel.Share(0)
	if err := r.next(); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.atOnce())
	for _, j := range r.left() {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			res, err := r.train(ctx, j)
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", j.Model, j.Seed, err)
			}
			return r.finish(j, res)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return r.metrics.arrange(order)
}

// left are the trainings that have not come to their end: all models under a seed, then
// the next, so that a run that is stopped has something to compare.
func (r *Run) left() (jobs []*Job) {
	for _, seed := range r.Seeds {
		for _, j := range r.Jobs {
			if j.Seed == seed && j.Result == nil {
				jobs = append(jobs, j)
			}
		}
	}
	return jobs
}

// finish keeps the result of a training.
func (r *Run) finish(j *Job, res *Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := res.write(r.JobDir(j)); err != nil {
		return err
	}
	j.Result = res
	r.tell()
	return r.next()
}

// next prepares for what is left: the cores are shared out anew, and what is
// finished is reported.
func (r *Run) next() error {
	kernel.Share(max(1, runtime.GOMAXPROCS(0)/r.atOnce()))
	if left := len(r.left()); left == 0 || left == len(r.Jobs) && !r.Resumed {
		return nil // the report of all comes at the end, and there is nothing yet to tell of
	}
	_, err := r.publish()
	return err
}

// How long a report may stay behind the checkpoints within an epoch, and how many times
// longer than it took a run goes on without the next one: epochs of some milliseconds
// are not worth a report each.
const (
	reportEvery = 10 * time.Second
	reportRest  = 20
)

// report reports what there is when a training has begun to save, at the end of one of
// its epochs or between.
func (r *Run) report(epoch bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := time.Since(r.published); since < reportRest*r.publishing || !epoch && since < reportEvery {
		return nil
	}
	_, err := r.publish()
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
	left, all := len(r.left()), len(r.Jobs)
	if left == 0 {
		return ""
	}
	return fmt.Sprintf(incomplete+" %d of its %d trainings are finished; of the others there are curves at most.", all-left, all)
}

// Remarks are the notes of every report of the run.
func (r *Run) Remarks() []string {
	notes := slices.Concat(r.Began.Forced, r.Began.Notes)
	if note := r.Incomplete(); note != "" {
		notes = append(notes, note)
	}
	return notes
}

// incomplete is in every report of a run that is not at its end.
const incomplete = "This run is not complete:"

// atOnce returns how many of those left learn side by side.
func (r *Run) atOnce() int {
	n := r.Settings.Running().Parallel
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return max(1, min(n, len(r.left())))
}

// foretellAfter is how many seconds of training tell how long it will take.
const foretellAfter = 3

// foretell takes account of how far a training is, where it began in this sitting, and of
// what its steps take, as soon as that is known; the first time of a model it says how
// long a training of it will take, and when that is known of all models, how long the run
// will.
func (r *Run) foretell(j *Job, began, at Done) {
	trained := at.Seconds - began.Seconds
	if trained < foretellAfter || at.Steps == began.Steps {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := j.pace > 0
	j.at, j.pace = at, trained/float64(at.Steps-began.Steps)
	if known {
		return
	}
	if seconds := r.expect(Done{}, j.pace); seconds > worthTelling {
		r.Log.Printf("%s: %sabout %s of training a seed", j.Model, r.atMost(), progress.Rounded(seconds))
	}
	if !r.told {
		r.tell()
	}
}

// worthTelling is how many seconds are worth telling beforehand.
const worthTelling = 60

// tell says how long several trainings will still take, if that is known.
func (r *Run) tell() {
	left, all := r.left(), len(r.Jobs)
	if len(left) < 2 {
		return
	}
	sum, longest := 0.0, 0.0
	for _, j := range left {
		if j.pace == 0 {
			return
		}
		seconds := r.expect(j.at, j.pace)
		sum += seconds
		longest = max(longest, seconds)
	}
	if seconds := max(longest, sum/float64(r.atOnce())); seconds > worthTelling {
		r.told = true
		r.Log.Printf("%d of %d trainings finished, %sabout %s left", all-len(left), all, r.atMost(), progress.Rounded(seconds))
	}
}

// expect returns how many seconds a training that has come so far will still take
// if its steps take so many each, unless it reaches its goal before.
func (r *Run) expect(at Done, step float64) float64 {
	end := r.End(r.Settings)
	seconds := step * float64(end.Steps-at.Steps)
	if end.Time > 0 {
		seconds = min(seconds, end.Time.Seconds()-at.Seconds)
	}
	return max(seconds, 0)
}

// atMost is what to say before a time that reaching the goal may shorten.
func (r *Run) atMost() string {
	if r.End(r.Settings).Goal {
		return "at most "
	}
	return ""
}
