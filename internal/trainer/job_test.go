package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/internal/rng"
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
		_, err := r.Set(c)
		must(t, err)
	}
	must(t, r.Validate())
	return r
}

// newJob is a training of 7 steps an epoch in the folder dir/job, whose metrics
// go to dir/metrics.jsonl.
func newJob(t *testing.T, dir, kind string, changes ...string) *Job {
	t.Helper()
	r := settings(t, changes...)
	c, err := r.Model(kind, vocab)
	must(t, err)
	j := &Job{
		Dir: filepath.Join(dir, "job"), Model: c, Recipe: r, Seed: 5, Tokenizer: []byte("{}"),
		Train: text("train", 100), Valid: text("valid", 41), Observer: &watcher{},
	}
	if r.Plateau { // what is hardly ever seen in training is predicted worse and worse
		for i := range j.Valid.Tokens {
			j.Valid.Tokens[i] = vocab - 1
		}
	}
	return j
}

// watcher is an observer that calls back.
type watcher struct {
	step      func()
	validated func()
	warnings  []string
	epochs    int
}

func (w *watcher) EpochStarts(_, epochs, _, _ int) { w.epochs = epochs }
func (w *watcher) Validating(int)                  {}
func (w *watcher) EpochEnds(Epoch)                 {}
func (w *watcher) Warn(m string)                   { w.warnings = append(w.warnings, m) }

func (w *watcher) Step(int, float64, float64) {
	if w.step != nil {
		w.step()
	}
}

func (w *watcher) Validated(int) {
	if w.validated != nil {
		w.validated()
	}
}

// start runs the job as a process would: it opens the metrics, and closes them.
func start(t *testing.T, ctx context.Context, j *Job) (*Outcome, error) {
	t.Helper()
	metrics, err := OpenMetrics(filepath.Join(filepath.Dir(j.Dir), "metrics.jsonl"))
	must(t, err)
	defer metrics.Close()
	j.Metrics = metrics
	return j.Run(ctx)
}

// train runs the job to its end.
func train(t *testing.T, j *Job) *Outcome {
	t.Helper()
	out, err := start(t, context.Background(), j)
	must(t, err)
	return out
}

// product is what comes out of a training, times aside.
type product struct {
	Last, Best, Metrics string
	Outcome             Outcome
}

func productOf(t *testing.T, j *Job, out *Outcome) product {
	t.Helper()
	p := product{
		Last:    read(t, filepath.Join(j.Dir, last, modeldir.TensorsFile)),
		Best:    read(t, filepath.Join(j.Dir, best, modeldir.TensorsFile)),
		Outcome: *out,
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
func lines(t *testing.T, j *Job) (all []map[string]any) {
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
