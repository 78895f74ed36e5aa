package trainer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/rng"
	"github.com/engram-lm/engram/internal/run"
)

const vocab = 11

// text is a split of tokens that are easy to predict two times in three.
func text(name string, n int) *data.Split {
	r := rng.New(1, name)
	s := &data.Split{Name: name, SourceHash: name}
	for i := range n {
		token := int32(i % 3)
		if i%3 == 2 {
			token = int32(r.IntN(vocab))
		}
		s.Tokens = append(s.Tokens, token)
	}
	return s
}

// settings is a small recipe with some of its values set.
func settings(t *testing.T, changes ...string) recipe.Recipe {
	t.Helper()
	r, err := recipe.New("sample")
	must(t, err)
	for _, c := range append([]string{"hidden=4", "batch=3", "bptt=5", "epochs=3", "lr=1", "decay_start=0", "log_every=2"}, changes...) {
		_, err := r.Fields().Set(c)
		must(t, err)
	}
	must(t, r.Validate())
	return r
}

// job is a training with the run that it is the only one of.
type job struct {
	*Job
	Seed  uint64
	Dir   string // of the training
	Force bool
	said  bytes.Buffer

	rollbacks []string // that it came to
	*watcher
}

// newJob is a training of 7 steps an epoch, whose run has the folder dir.
func newJob(t *testing.T, dir, kind string, changes ...string) *job {
	t.Helper()
	r := settings(t, changes...)
	c, err := r.Model(kind, vocab)
	must(t, err)
	j := &job{Dir: filepath.Join(dir, kind+"-seed5"), watcher: &watcher{}, Seed: 5, Job: &Job{
		Arm: recipe.Arm{Model: c, Label: kind, Kind: kind, Recipe: r}, Tokenizer: []byte("{}"), Train: text("train", 100), Valid: text("valid", 41),
	}}
	if r.Plateau { // what is hardly ever seen in training is predicted worse and worse
		for i := range j.Valid.Tokens {
			j.Valid.Tokens[i] = vocab - 1
		}
	}
	return j
}

// watcher is called back, after steps and amid validations.
type watcher struct{ step, validated func() }

// watched is a training with a watcher. Between the parts of a validation its context is
// asked, and that alone, whether to go on.
type watched struct {
	*Training
	told *watcher
}

func (l watched) Step(ctx context.Context) (save bool, err error) {
	before := l.Done().Steps
	if l.told.validated != nil {
		ctx = asked{ctx, l.told.validated}
	}
	save, err = l.Training.Step(ctx)
	if err == nil && l.told.step != nil && l.Done().Steps > before {
		l.told.step()
	}
	return save, err
}

// asked is a context that tells when it is asked for its error.
type asked struct {
	context.Context
	tell func()
}

func (c asked) Err() error {
	c.tell()
	return c.Context.Err()
}

// unread is the report of a run that nobody looks at.
type unread struct{ run.Report }

func (unread) Write(string) error { return nil }

// warnings are what the user was warned of.
func (j *job) warnings() (all []string) {
	for line := range strings.Lines(j.said.String()) {
		if w, ok := strings.CutPrefix(line, "train: "); ok {
			all = append(all, strings.TrimSuffix(w, "\n"))
		}
	}
	return all
}

// run is the run that the job is the only one of.
func (j *job) run() *run.Run {
	r := &run.Run{Program: &run.Program{Name: "train", Speaker: "train"}, Seeds: []uint64{j.Seed}, Settings: &j.Recipe, Dir: filepath.Dir(j.Dir), Log: progress.NewLog(&j.said, false)}
	r.Program.Report = func(*run.Run, bool) (run.Report, error) { return unread{}, nil }
	r.End = func(s run.Settings) run.End { return s.(*recipe.Recipe).End(7) }
	r.Facts = []run.Fact{
		{Key: "vocabulary", Is: string(j.Tokenizer)},
		{Key: "train text", Is: j.Train.SourceHash, Forced: true},
		{Key: "valid text", Is: j.Valid.SourceHash, Forced: true},
	}
	if j.Force {
		r.Began.Forced = []string{"By the test."}
	}
	return r
}

// reseed takes the next seed, in a copy of the folder of the present one.
func (j *job) reseed(t *testing.T) {
	t.Helper()
	was := j.Dir
	j.Seed++
	j.Dir = filepath.Join(filepath.Dir(was), fmt.Sprintf("%s-seed%d", j.Label, j.Seed))
	must(t, os.RemoveAll(j.Dir))
	must(t, os.CopyFS(j.Dir, os.DirFS(was)))
}

// start runs the job as a process would.
func start(t *testing.T, ctx context.Context, j *job) (*Outcome, error) {
	t.Helper()
	return startAs(t, ctx, j, func(tr *Training) {})
}

// startAs does so and looks at each training that begins.
func startAs(t *testing.T, ctx context.Context, j *job, begins func(*Training)) (*Outcome, error) {
	t.Helper()
	of := j.Of()
	fresh := of.New
	of.New = func(h *run.Host) (run.Learner, error) {
		l, err := fresh(h)
		if err != nil {
			return nil, err
		}
		begins(l.(*Training))
		return watched{l.(*Training), j.watcher}, nil
	}
	r := j.run()
	r.Jobs = []*run.Job{{Arm: of, Seed: j.Seed}}
	if err := r.Learn(ctx); err != nil {
		return nil, err
	}
	res := r.Jobs[0].Result
	if j.rollbacks = res.Rollbacks; !res.Ended() {
		return nil, errors.New(res.Status)
	}
	var out Outcome
	return &out, res.Decode(j.Dir, &out)
}

// train runs the job to its end.
func train(t *testing.T, j *job) *Outcome {
	t.Helper()
	out, err := start(t, context.Background(), j)
	must(t, err)
	return out
}

// product is what comes out of a training, times aside.
type product struct {
	Last, Best, Metrics string
	Outcome             Outcome
	Rollbacks           []string
}

func productOf(t *testing.T, j *job, out *Outcome) product {
	t.Helper()
	p := product{
		Last:    read(t, filepath.Join(j.Dir, last, modeldir.TensorsFile)),
		Best:    read(t, filepath.Join(j.Dir, best, modeldir.TensorsFile)),
		Outcome: *out, Rollbacks: j.rollbacks,
	}
	for _, line := range lines(t, j) {
		delete(line, "tokens_per_s")
		b, err := json.Marshal(line)
		must(t, err)
		p.Metrics += string(b) + "\n"
	}
	p.Outcome.TokensPerS = 0
	p.Outcome.Epochs = nil
	for _, e := range out.Epochs {
		e.TokensPerS = 0
		p.Outcome.Epochs = append(p.Outcome.Epochs, e)
	}
	return p
}

// lines are those of the job's metrics.jsonl.
func lines(t *testing.T, j *job) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(read(t, filepath.Join(filepath.Dir(j.Dir), "metrics.jsonl"))) {
		var l map[string]any
		must(t, json.Unmarshal([]byte(line), &l))
		all = append(all, l)
	}
	return all
}

func same(t *testing.T, want, got product) {
	t.Helper()
	if want.Last != got.Last {
		t.Error("last/ has other bits")
	}
	if want.Best != got.Best {
		t.Error("best/ has other bits")
	}
	if d := cmp.Diff(want.Metrics, got.Metrics); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want.Outcome, got.Outcome); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want.Rollbacks, got.Rollbacks); d != "" {
		t.Error(d)
	}
}

// copied is a copy of a folder as a machine that dies at this moment leaves it: a
// checkpoint may be under way, whose files come and go.
func copied(t *testing.T, dir string) string {
	t.Helper()
	for {
		to := t.TempDir()
		err := os.CopyFS(to, os.DirFS(dir))
		if err == nil {
			return to
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
