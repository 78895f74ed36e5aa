package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/trainer"
)

func TestBadCorpus(t *testing.T) {
	t.Parallel()
	run := func(dir string, more ...string) []string {
		return tiny(append([]string{"--data", dir}, more...)...)
	}
	dir := corpus(t, nil)
	must(t, os.Remove(filepath.Join(dir, "valid.txt")))
	fail(t, cli.Failure, []string{filepath.Join(dir, "valid.txt"), "missing"}, run(dir)...)
	for name, c := range map[string]struct {
		file, text string
		words      []string
	}{
		"binary":         {"train.txt", "w1 w2\nw3\x00w4\n", []string{"train.txt:2", "binary"}},
		"not UTF-8":      {"test.txt", "w1 \xff\n", []string{"test.txt:1", "UTF-8"}},
		"empty train":    {"train.txt", "", []string{"train.txt", "empty"}},
		"empty valid":    {"valid.txt", "", []string{"valid.txt", "empty"}},
		"unknown word":   {"valid.txt", "w3 zebra\n", []string{"valid.txt:1", `"zebra"`, "--min-count"}},
		"one-word valid": {"valid.txt", "\n", []string{"valid.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := corpus(t, map[string]string{c.file: c.text})
			if name == "unknown word" { // the words of the case are all known, and <unk> is not among them
				train := strings.ReplaceAll(read(t, dir, "train.txt"), "<unk>", "w3")
				write(t, filepath.Join(dir, "train.txt"), train)
			}
			fail(t, cli.Failure, append(c.words, dir), run(dir)...)
		})
	}
}

// What to do about a word that the vocabulary lacks works where it is said.
func TestUnknownWordAdvice(t *testing.T) {
	t.Parallel()
	// The rarest word comes four times, <eos> twice.
	dir := corpus(t, map[string]string{"train.txt": "a b a b a b a b a b c c\na b a b a b a b a b c c\n", "valid.txt": "a b c a b c a\n", "test.txt": "a b zebra c a\n"})
	run := func(more ...string) []string {
		return tiny(append([]string{"--models", "lstm", "--data", dir}, more...)...)
	}
	place := filepath.Join(dir, "test.txt") + `:1: the word "zebra"`
	fail(t, cli.Failure, []string{place, "the rarest word of the train text comes 4 times: --min-count 5 makes it <unk>"}, run()...)
	fail(t, cli.Failure, []string{place, "no word of the train text comes less than 2 times, and the rarest comes 4 times: --min-count 5"}, run("--min-count", "2")...)
	succeed(t, run("--min-count", "5", "--out", t.TempDir())...)

	known := corpus(t, map[string]string{"train.txt": read(t, dir, "train.txt"), "valid.txt": "a b c a b c a\n", "test.txt": "a b c a b c a\n"})
	out := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--models", "lstm", "--data", known, "--out", out)...)
	fail(t, cli.Failure, []string{place, "the vocabulary is that of the model of --init", "start from a model trained with --min-count"},
		"--init", filepath.Join(out, "lstm-seed1", "best"), "--data", dir, "--batch", "3")
	write(t, filepath.Join(known, "test.txt"), "a zebra b c a\n")
	fail(t, cli.Failure, []string{"zebra", "restore the texts that the run was started with"}, "--resume", out)
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	run := func(model, data string, more ...string) []string {
		return append([]string{"--init", model, "--data", folder(data, "corpus"), "--batch", "3", "--bptt", "9", "--steps", "1"}, more...)
	}
	plastic, standard := folder(ojaCase, "model"), folder(lstmCase, "model")
	for _, c := range []struct{ model, args, words string }{
		{plastic, "--models lstm", "--models lstm,is plastic"},
		{plastic, "--models plastic,lstm", "--models plastic,lstm,is plastic"},
		{plastic, "--hidden 9", "--hidden 9,hidden 8"},
		{plastic, "--embed 6", "--embed 6,embed 5"},
		{plastic, "--embed 0", "--embed 0,embed 5"},
		{plastic, "--layers 1", "--layers 1,layers 2"},
		{plastic, "--tie", "--tie true,tie false"},
		{plastic, "--params 1000", "--params 1000,params 1346"},
		{plastic, "--min-count 2", "--min-count 2,vocabulary"},
		{plastic, "--alpha layer", "--alpha layer,alpha neuron"},
		{plastic, "--rate connection", "--rate connection,rate neuron"},
		{plastic, "--rule clip", "--rule clip,rule oja"},
		{plastic, "--set rule=clip", "--rule clip,rule oja"},
		{plastic, "--clip 2", "--clip 2,clip 0.3"},
		{plastic, "--modulator-input cell", "--modulator-input cell,hidden"},
		{standard, "--rule oja", "--rule oja,standard LSTM"},
		{standard, "--models modulated", "--models modulated,is lstm"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			fail(t, cli.Usage, append(strings.Split(c.words, ","), "--init"), append(run(c.model, ojaCase), strings.Fields(c.args)...)...)
		})
	}
	// What says the same as the model is no contradiction.
	succeed(t, run(plastic, ojaCase, "--models", "plastic", "--hidden", "8", "--embed", "5", "--layers", "2", "--tie=false", "--params", "1346",
		"--min-count", "0", "--alpha", "neuron", "--rate", "neuron", "--clip", "0.3", "--modulator-input", "hidden", "--out", t.TempDir())...)
	succeed(t, run(plastic, ojaCase, "--rule", "oja", "--params", "0", "--out", t.TempDir())...)
	succeed(t, run(standard, lstmCase, "--rule", "clip", "--out", t.TempDir())...)
}

func TestInitOfBadModel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file   string
		change func(string) string
		words  []string
	}{
		"truncated tensors": {"model.safetensors", func(s string) string { return s[:len(s)-40] }, []string{"model.safetensors"}},
		"altered header":    {"model.safetensors", func(s string) string { return s[:20] + "!" + s[21:] }, []string{"model.safetensors"}},
		"do not fit":        {"config.json", replace(`"hidden_size": 8`, `"hidden_size": 9`), []string{"model.safetensors", "layers.0.", "shape"}},
		"unknown key":       {"config.json", replace(`"num_layers"`, `"dropout": 0.5, "num_layers"`), []string{"config.json", "dropout"}},
		"bad tokenizer":     {"tokenizer.json", func(s string) string { return s[:len(s)-40] }, []string{"tokenizer.json"}},
		"a word short":      {"tokenizer.json", replace(",\n   \"w22\": 22", ""), []string{"tokenizer.json", "22", "23"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(folder(lstmCase, "model"))))
			before := read(t, dir, c.file)
			if write(t, filepath.Join(dir, c.file), c.change(before)); read(t, dir, c.file) == before {
				t.Fatalf("%s is not changed", c.file)
			}
			fail(t, cli.Failure, append(c.words, "--init", dir), "--init", dir, "--data", folder(lstmCase, "corpus"), "--batch", "3")
		})
	}
	missing := filepath.Join(t.TempDir(), "best")
	fail(t, cli.Failure, []string{"--init", missing, "not a model folder"}, "--init", missing, "--data", folder(lstmCase, "corpus"))
	// A vocabulary without <unk> reads no word outside it.
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(folder(lstmCase, "model"))))
	text := replace(`"unk_token": "<unk>"`, `"unk_token": "<none>"`)(replace(`"<unk>": 1`, `"w1": 1`)(read(t, dir, "tokenizer.json")))
	write(t, filepath.Join(dir, "tokenizer.json"), text)
	fail(t, cli.Failure, []string{"train.txt:1", `"zebra"`, "<unk>"}, "--init", dir, "--batch", "3",
		"--data", corpus(t, map[string]string{"train.txt": "w3 zebra w4 w5 w6 w7 w8\n"}))
}

func replace(from, to string) func(string) string {
	return func(s string) string { return strings.Replace(s, from, to, 1) }
}

// A cache file that is not as it was written is made again: a warning, and the
// right result.
func TestAlteredCache(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	args := func(out string) []string { return tiny("--models", "lstm", "--cache", cache, "--quiet", "--out", out) }
	first, second := t.TempDir(), t.TempDir()
	succeed(t, args(first)...)
	files, err := filepath.Glob(filepath.Join(cache, "*-train.arrow"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	b := []byte(read(t, files[0]))
	b[len(b)/2] ^= 1
	write(t, files[0], string(b))
	_, errs := succeed(t, args(second)...)
	if !strings.HasPrefix(errs, "train: "+files[0]) || strings.Count(errs, "\n") != 1 {
		t.Errorf("stderr %q, want one line about %s", errs, files[0])
	}
	weights := "lstm-seed1/last/model.safetensors"
	if read(t, first, weights) != read(t, second, weights) {
		t.Error("the result is another one")
	}
	if _, errs := succeed(t, args(t.TempDir())...); errs != "" {
		t.Errorf("the file was not mended: %q", errs)
	}
	fail(t, cli.Failure, []string{"cache folder", "--cache"}, tiny("--cache", files[0])...)
}

// Numbers that are not finite stop the run in their step, and the report says so.
func TestDiverged(t *testing.T) {
	t.Parallel()
	m, err := modeldir.Load(folder(lstmCase, "model"))
	must(t, err)
	for _, name := range []string{"layers.1.bias", "decoder.weight"} {
		for i := range m.Tensors[name] {
			m.Tensors[name][i] = 3e38
		}
	}
	wild := filepath.Join(t.TempDir(), "wild")
	must(t, modeldir.Save(wild, m))
	for _, c := range []struct {
		words string
		args  []string
	}{
		{"lstm, seed 1: diverged at step 1, epoch 1:", []string{"--init", wild, "--batch", "3", "--bptt", "4"}},
		{"plastic, seed 1: diverged at step ", []string{"--models", "plastic", "--hidden", "6", "--batch", "3", "--bptt", "4", "--lr", "1e9", "--weight-decay", "1"}},
	} {
		run := command(t, append(c.args, "--quiet", "--out", "run", "--data", folder(lstmCase, "corpus"))...)
		out, errs, status := finish(t, run)
		if status != cli.Failure || out != "" || !strings.HasPrefix(errs, "train: "+c.words) || strings.Count(errs, "\n") != 1 {
			t.Errorf("status %d, stdout %q, stderr %q, want %q", status, out, errs, c.words)
		}
		if report := read(t, run.Dir, "run/report.json"); !strings.Contains(report, `"status": "diverged at step `) {
			t.Errorf("the report does not say so: %s", report)
		}
	}
}

// A training of numbers that are all finite may come to no model all the same, up
// to perplexities too large for a number: that is said wherever a result would be,
// and again when the run is looked at.
func TestFiniteDivergence(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "run")
	for name, c := range map[string]struct {
		args  []string
		words string
	}{
		"one goes on": {[]string{"--models", "lstm,plastic", "--lr", "3000", "--clip-norm", "0", "--dropout", "0", "--seeds", "2,"}, "diverged: the "},
		"beyond":      {[]string{"--models", "lstm", "--lr", "100000", "--dropout", "0", "--out", out}, "too large for a number"},
	} {
		c2 := command(t, tiny(c.args...)...)
		stdout, errs, status := finish(t, c2)
		if status != cli.Failure || !strings.Contains(stdout, "diverged: the ") || !strings.Contains(stdout, c.words) || strings.Contains(stdout, "lowest") || strings.Contains(stdout, "reaches") {
			t.Errorf("%s: status %d, %s", name, status, stdout)
		}
		lines := strings.Split(strings.TrimSpace(errs), "\n")
		last := lines[len(lines)-1]
		if !strings.HasPrefix(last, "train: lstm, seed ") || !strings.Contains(last, c.words) || !strings.Contains(last, "nothing ln 21 = 3.04; a smaller --lr may help") {
			t.Errorf("%s: %s", name, last)
		}
		for _, line := range lines[:len(lines)-1] {
			if len(line) > 160 {
				t.Errorf("%s: a line of %d letters: %s", name, len(line), line)
			}
		}
	}
	c := command(t, "--resume", out)
	if stdout, errs, status := finish(t, c); status != cli.Failure || !strings.Contains(stdout, "The training diverged: the perplexity is too large for a number.") || !strings.Contains(errs, "diverged: the train loss") {
		t.Errorf("looked at again: status %d, %s, %s", status, stdout, errs)
	}
	if report := read(t, out, "report.json"); !strings.Contains(report, `"status": "diverged: the train loss`) {
		t.Error(report)
	}
}

// What has not learned much, knows a text by heart or has not seen the like is no
// divergence.
func TestBadIsNotDiverged(t *testing.T) {
	at := func(nll float64) *float64 { return &nll }
	for _, c := range []struct {
		train       float64
		valid, test *float64
		vocabulary  int
		diverged    bool
	}{
		{2.4, at(2.5), at(2.6), 13, false},
		{0.01, at(12), at(9), 13, false}, // knows the train text by heart
		{7.5, at(3), at(3), 13, false},
		{7.6, at(3), at(3), 13, true}, // ended above ln 13 + 5
		{13, at(17), at(16), 10_000, false},
		{2.4, at(16), at(16), 13, true},
		{2.4, at(2.5), at(16), 13, true},
		{2.4, nil, at(2.5), 13, true},
		{2.4, at(2.5), nil, 13, true},
	} {
		out := trainer.Outcome{Epochs: []trainer.Epoch{{TrainNLL: 99}, {TrainNLL: c.train}}, ValidNLL: c.valid, TestNLL: c.test, Vocabulary: c.vocabulary}
		if got := out.Flaw(); (got != "") != c.diverged {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A loss may be finite and its perplexity too large for a number: the report has no
// number there, and says why.
func TestPerplexityBeyondNumbers(t *testing.T) {
	t.Parallel()
	m, err := modeldir.Load(folder(lstmCase, "model"))
	must(t, err)
	for i := range m.Tensors["decoder.bias"] {
		m.Tensors["decoder.bias"][i] = float32(i) * 1e6
	}
	wild, out := filepath.Join(t.TempDir(), "wild"), filepath.Join(t.TempDir(), "run")
	must(t, modeldir.Save(wild, m))
	_, errs, status := finish(t, command(t, "--init", wild, "--batch", "3", "--bptt", "4", "--steps", "2", "--quiet", "--out", out, "--data", folder(lstmCase, "corpus")))
	if status != cli.Failure || !strings.Contains(errs, "too large for a number") {
		t.Errorf("status %d, %s", status, errs)
	}
	if !strings.Contains(read(t, out, "report.json"), `"test_ppl": null`) {
		t.Error("a perplexity where there is none")
	}
}
