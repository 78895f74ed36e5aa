package study

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/runfolder"
)

// trainings are those of a run, several of which learn side by side.
type trainings struct {
	run     *run
	metrics *metrics

	mu      sync.Mutex
	results [][]*result        // [arm][seed]; nil: not finished
	done    int                // how many are finished
	left    []*job             // the others
	pace    map[string]float64 // by model: seconds that an episode takes; what is not known is not there
	told    bool               // how long all of them will take
}

// learn returns the results [arm][seed] of all trainings, those included that have
// ended before, and how many have ended: all, unless there is an error. After each
// it writes the report of those so far, so that a run that is stopped has one. An
// error of one training stops those beside it, which save.
func (r *run) learn(ctx context.Context) (results [][]*result, done int, err error) {
	dirs := []string{r.dir}
	for _, who := range r.trainees() {
		dirs = append(dirs, r.jobDir(who.model, who.seed))
	}
	if err := runfolder.Sweep(dirs...); err != nil {
		return nil, 0, err
	}
	metrics, err := openMetrics(filepath.Join(r.dir, metricsFile))
	if err != nil {
		return nil, 0, err
	}
	defer metrics.close()
	t := &trainings{run: r, metrics: metrics}
	if t.results, t.done, err = r.finished(); err != nil {
		return nil, 0, err
	}
	for k, seed := range r.seeds { // all models under a seed, then the next: a run that is stopped has something to compare
		for i := range r.arms {
			if t.results[i][k] == nil {
				t.left = append(t.left, &job{run: r, all: t, arm: &r.arms[i], seed: seed, into: &t.results[i][k]})
			}
		}
	}
	err = t.learn(ctx)
	return t.results, t.done, err
}

// trainees are the trainings in the order of the report.
func (r *run) trainees() (all []trainee) {
	for _, arm := range r.arms {
		for _, seed := range r.seeds {
			all = append(all, trainee{arm.Model, seed})
		}
	}
	return all
}

// learn takes all that is left to its end.
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
			res, err := j.learn(ctx)
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", j.arm.Model, j.seed, err)
			}
			return t.finish(j, res)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return t.metrics.arrange(t.run.trainees())
}

// finish takes the result of a training.
func (t *trainings) finish(j *job, res *result) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	*j.into = res
	t.done++
	t.left = slices.DeleteFunc(t.left, func(other *job) bool { return other == j })
	t.tell()
	return t.next()
}

// next prepares for what is left: the cores are shared out anew, and what is
// finished is reported.
func (t *trainings) next() error {
	kernel.Share(max(1, runtime.GOMAXPROCS(0)/t.atOnce()))
	if t.done == 0 || len(t.left) == 0 {
		return nil
	}
	_, err := t.run.publish(t.results, t.done)
	return err
}

// atOnce returns how many of those left learn side by side.
func (t *trainings) atOnce() int {
	n := t.run.common.Parallel
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return max(1, min(n, len(t.left)))
}

// note takes account of how far a training is and of what its episodes take; the
// first time of a model it says how long a training of it will take, and when that
// is known of all models, how long the run will.
func (t *trainings) note(j *job, at position, episode float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.noted = at
	_, known := t.pace[j.arm.Model]
	if t.pace == nil {
		t.pace = map[string]float64{}
	}
	t.pace[j.arm.Model] = episode
	if known {
		return
	}
	if seconds := t.run.end.expect(position{}, episode); seconds > worthTelling {
		t.run.log.Printf("%s: %sabout %s of training a seed", j.arm.Model, t.run.end.atMost(), rounded(seconds))
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
		episode, known := t.pace[j.arm.Model]
		if !known {
			return
		}
		seconds := t.run.end.expect(j.noted, episode)
		sum += seconds
		longest = max(longest, seconds)
	}
	if seconds := max(longest, sum/float64(t.atOnce())); seconds > worthTelling {
		t.told = true
		t.run.log.Printf("%d of %d trainings finished, %sabout %s left", t.done, len(t.left)+t.done, t.run.end.atMost(), rounded(seconds))
	}
}
