package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/score"
)

// The command prints what internal/score works out for the texts that its flags
// name; what that is worth is held against the equations there.
func TestTraces(t *testing.T) {
	dir, corpus := plasticCase+"/model", plasticCase+"/corpus"
	m, tok, err := lm.Load[float32](dir)
	must(t, err)
	open := func(path string) []int32 {
		s, err := data.OpenText(path, tok)
		must(t, err)
		return s.Tokens
	}
	test, train := open(corpus+"/test.txt"), open(corpus+"/train.txt")
	longer := filepath.Join(t.TempDir(), "longer.txt")
	b, err := os.ReadFile(corpus + "/train.txt")
	must(t, err)
	must(t, os.WriteFile(longer, append(b, b...), 0o666))
	cache := t.TempDir()
	for _, c := range []struct {
		mode    score.Traces
		warm    []int32
		streams int
		batch   int
		args    []string
	}{
		{score.On, nil, 0, 1, []string{"--data", corpus, "--cache", cache, "--traces", "on"}},
		{score.Off, nil, 0, 1, []string{"--data", corpus, "--cache", cache, "--traces", "off"}},
		{score.Frozen, train, 0, 1, []string{"--data", corpus, "--cache", cache, "--traces", "frozen"}}, // valid is train there
		{score.Frozen, train, 0, 3, []string{"--data", corpus, "--cache", cache, "--traces", "frozen", "--warm-up", "train", "--batch", "3"}},
		{score.Frozen, open(longer), 0, 1, []string{"--text", corpus + "/test.txt", "--traces", "frozen", "--warm-up", longer}},
		{score.Mean, train, 20, 1, []string{"--data", corpus, "--cache", cache, "--traces", "mean"}},
		{score.Mean, open(longer), 3, 2, []string{"--text", corpus + "/test.txt", "--traces", "mean", "--warm-up", longer, "--warm-up-streams", "3", "--batch", "2"}},
	} {
		want, err := score.Read(context.Background(), m, test, c.mode, score.WarmUp{Tokens: c.warm, Streams: c.streams}, score.Reading{Batch: c.batch, Steps: 35}, nil)
		must(t, err)
		if got := measured(t, append([]string{"--model", dir}, c.args...)...); got["nll"] != want.Mean() {
			t.Errorf("%v: nll %v, want %v", c.args, got["nll"], want.Mean())
		}
	}
}

// Off is the same model with its alpha at zero.
func TestTracesOff(t *testing.T) {
	m, err := modeldir.Load(plasticCase + "/model")
	must(t, err)
	for name, x := range m.Tensors {
		if filepath.Ext(name) == ".alpha" {
			clear(x)
		}
	}
	dir := filepath.Join(t.TempDir(), "zero")
	must(t, modeldir.Save(dir, m))
	text := []string{"--text", plasticCase + "/corpus/test.txt"}
	want := measured(t, append([]string{"--model", dir}, text...)...)
	got := measured(t, append([]string{"--model", plasticCase + "/model", "--traces", "off"}, text...)...)
	if d := got["nll"] - want["nll"]; d > 1e-6 || d < -1e-6 {
		t.Errorf("nll %v, with alpha zero %v", got["nll"], want["nll"])
	}
}

func TestTracesRefused(t *testing.T) {
	text, empty := file(t, "w2 w3 w4 w5\n"), filepath.Join(t.TempDir(), "empty.txt")
	must(t, os.WriteFile(empty, nil, 0o666))
	for _, c := range []struct {
		status int
		words  []string
		model  string
		args   []string
	}{
		{2, []string{"--traces", "sometimes", "on, off, frozen or mean"}, plasticCase, []string{"--traces", "sometimes"}},
		{2, []string{"--traces off", "no traces", "lstm"}, lstmCase, []string{"--traces", "off"}},
		{2, []string{"--traces mean", "no traces"}, lstmCase, []string{"--traces", "mean", "--warm-up", text}},
		{2, []string{"--warm-up", "missing", "--text"}, plasticCase, []string{"--traces", "frozen"}},
		{2, []string{"--warm-up", "frozen or mean"}, plasticCase, []string{"--warm-up", text}},
		{2, []string{"--warm-up-streams", "--traces mean"}, plasticCase, []string{"--traces", "frozen", "--warm-up", text, "--warm-up-streams", "2"}},
		{2, []string{"--warm-up-streams", "0", "at least 1"}, plasticCase, []string{"--traces", "mean", "--warm-up", text, "--warm-up-streams", "0"}},
		{2, []string{"--warm-up-streams", "5 tokens", "at most 5"}, plasticCase, []string{"--traces", "mean", "--warm-up", text, "--warm-up-streams", "6"}},
		{1, []string{"empty.txt", "is empty"}, plasticCase, []string{"--traces", "mean", "--warm-up", empty}},
		{1, []string{"nowhere.txt"}, plasticCase, []string{"--traces", "mean", "--warm-up", "nowhere.txt"}},
	} {
		fail(t, c.status, c.words, append([]string{"perplexity", "--model", c.model + "/model", "--text", text}, c.args...)...)
	}
}

func TestUnknownIsCounted(t *testing.T) {
	if got := measured(t, "--model", lstmCase+"/model", "--text", file(t, "w2 zebra <unk>\nyak w3\n")); got["unknown"] != 2 {
		t.Errorf("unknown %v, want 2", got["unknown"])
	}
}
