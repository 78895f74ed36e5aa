package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engram-lm/engram/data"
	"github.com/engram-lm/engram/internal/lm"
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/score"
)

// --time times optimiser steps alone, also over the end of an epoch, and leaves nothing.
func TestTime(t *testing.T) {
	t.Parallel()
	c := command(t, tiny("--time", "8", "--models", "lstm,plastic", "--json")...)
	out, errs, status := finish(t, c)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if status != 0 || len(lines) != 2 {
		t.Fatalf("status %d, stderr %q, %d lines, want 2: %s", status, errs, len(lines), out)
	}
	for i, model := range []string{"lstm", "plastic"} {
		o := decode(t, lines[i])
		if o["task"] != "train" || o["model"] != model || o["updates"] != 8.0 || !(o["params"].(float64) > 0) || !(o["ms_per_update_min"].(float64) > 0) {
			t.Error(lines[i])
		}
	}
	if entries, err := os.ReadDir(c.Dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v: want no files", entries, err)
	}
	fail(t, 2, []string{"lstm: the run has 3 steps", "want fewer"}, tiny("--time", "9", "--steps", "3")...)
}

// Two steps of plain SGD from the model of each case are those of an independent
// implementation in float64.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(folder("*", "expected.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d cases, %v; want 5", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Dir(file)
			expected := decode(t, read(t, file))
			out := filepath.Join(t.TempDir(), "run")
			succeed(t, "--init", dir+"/model", "--data", dir+"/corpus", "--steps", "2",
				"--batch", fmt.Sprint(expected["batch"]), "--bptt", fmt.Sprint(expected["bptt"]), "--optimizer", "sgd",
				"--lr", fmt.Sprint(expected["lr"]), "--clip-norm", "0", "--dropout", "0", "--weight-decay", "0", "--out", out)
			model, err := modeldir.Load(dir + "/model")
			must(t, err)
			job := filepath.Join(out, model.Config.Model+"-seed1")
			after, err := modeldir.ReadTensors(dir + "/after2.safetensors")
			must(t, err)
			got, err := modeldir.Load(filepath.Join(job, "last"))
			must(t, err)
			if fmt.Sprint(got.Config.Tensors()) != fmt.Sprint(model.Config.Tensors()) || string(got.TokenizerJSON) != string(model.TokenizerJSON) {
				t.Error("last/ has another configuration or tokenizer than the model it came from")
			}
			for name, want := range after {
				change, largest, off := 0.0, 0.0, 0.0
				for i, w := range want {
					change = max(change, math.Abs(float64(w-model.Tensors[name][i])))
					largest = max(largest, math.Abs(float64(w)))
					off = max(off, math.Abs(float64(got.Tensors[name][i]-w)))
				}
				if limit := 1e-3*change + 3e-7*largest; !(off <= limit) {
					t.Errorf("%s is off by %.3g, allowed %.3g", name, off, limit)
				}
			}
			_, err = modeldir.Load(filepath.Join(job, "best"))
			must(t, err)
		})
	}
}

var kinds = modeldir.Models

// product returns what must be the same whenever the same run is made: the
// models, and the metrics and the report but for times.
func product(t *testing.T, dir string) map[string]string {
	t.Helper()
	p := map[string]string{}
	jobs, err := filepath.Glob(filepath.Join(dir, "*-seed*"))
	must(t, err)
	for _, job := range jobs {
		for _, name := range []string{"last", "best"} {
			for _, file := range []string{modeldir.TensorsFile, modeldir.ConfigFile, modeldir.TokenizerFile} {
				p[filepath.Join(filepath.Base(job), name, file)] = read(t, job, name, file)
			}
		}
	}
	for line := range strings.Lines(read(t, dir, metricsFile)) {
		p[metricsFile] += timeless(t, line)
	}
	p["report.json"] = timeless(t, read(t, dir, "report.json"))
	return p
}

// timeless removes the speeds from a JSON object.
func timeless(t *testing.T, text string) string {
	t.Helper()
	var remove func(any)
	remove = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "tokens_per_s")
			for _, x := range v {
				remove(x)
			}
		case []any:
			for _, x := range v {
				remove(x)
			}
		}
	}
	value := decode(t, text)
	remove(value)
	b, err := json.Marshal(value)
	must(t, err)
	return string(b) + "\n"
}

func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	for name := range want {
		if want[name] != got[name] {
			t.Errorf("%s differs", name)
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

// The same seed gives the same bits, however many cores compute.
func TestSameBits(t *testing.T) {
	t.Parallel()
	var first map[string]string
	for i, procs := range []string{"1", "2", "2"} {
		c := command(t, tiny("--hidden", "20", "--dropout", "0.2", "--out", "run")...)
		c.Env = append(c.Env, "GOMAXPROCS="+procs)
		if _, errs, status := finish(t, c); status != 0 {
			t.Fatal(errs)
		}
		p := product(t, filepath.Join(c.Dir, "run"))
		if len(p) != len(kinds)*6+2 {
			t.Fatalf("%d files of %d models", len(p), len(kinds))
		}
		if procs == "1" {
			delete(p, "report.json") // it tells how many cores there were
		}
		if i > 0 {
			delete(p, "report.json")
			same(t, first, p)
		}
		first = p
	}
	out := t.TempDir()
	succeed(t, tiny("--hidden", "20", "--dropout", "0.2", "--out", out, "--seeds", "2,")...)
	for _, kind := range kinds {
		if read(t, out, kind+"-seed2/last/model.safetensors") == first[kind+"-seed1/last/model.safetensors"] {
			t.Errorf("%s: another seed gave the same bits", kind)
		}
	}
}

// Trainings side by side, and those that a run grows by, come to what they come to one
// after the other; --json has a line for each.
func TestSideBySideAndGrown(t *testing.T) {
	t.Parallel()
	models := []string{"--models", "lstm,slow=modulated:rule=decay", "--dropout", "0.2"}
	alone, beside, grown := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(append(models, "--seeds", "2", "--out", alone)...)...)
	out, _ := succeed(t, tiny(append(models, "--seeds", "2", "--parallel", "4", "--json", "--quiet", "--out", beside)...)...)
	succeed(t, tiny("--models", "slow=modulated:rule=decay", "--dropout", "0.2", "--seeds", "2,", "--out", grown)...)
	succeed(t, "--resume", grown, "--models", "lstm", "--seeds", "1,")
	var rows []string
	for line := range strings.Lines(out) {
		row := decode(t, line)
		rows = append(rows, fmt.Sprint(row["model"], row["seed"], row["kind"], row["test_ppl"].(float64) > 1, row["test_ppl_off"] != nil, row["status"]))
	}
	if want := "[lstm1lstmtrue falsedone lstm2lstmtrue falsedone slow1modulatedtrue truedone slow2modulatedtrue truedone]"; fmt.Sprint(rows) != want {
		t.Errorf("%v, want %v", rows, want)
	}
	want, got, more := product(t, alone), product(t, beside), product(t, grown)
	sorted := func(text string) string { return strings.Join(slices.Sorted(strings.Lines(text)), "") }
	if sorted(more[metricsFile]) != sorted(want[metricsFile]) {
		t.Error("grown, the metrics differ")
	}
	for _, p := range []map[string]string{want, got, more} {
		delete(p, "report.json") // the settings differ
	}
	same(t, want, got)
	want[metricsFile], more[metricsFile] = "", ""
	same(t, want, more)
}

// What a run leaves has the forms that the contract gives.
func TestRunFolder(t *testing.T) {
	t.Parallel()
	texts := filepath.Join(t.TempDir(), "corpus")
	must(t, os.CopyFS(texts, os.DirFS(folder(lstmCase, "corpus"))))
	write(t, filepath.Join(texts, "valid.txt"), strings.Repeat("w3 w2 w2\nw4\n", 7))
	c := command(t, tiny("--data", texts, "--models", "modulated,lstm", "--seeds", "2,7", "--set", "log_every=1")...)
	out, errs, status := finish(t, c)
	if status != 0 {
		t.Fatal(errs)
	}
	run := filepath.Join(c.Dir, "runs", "corpus-1")
	for _, name := range []string{
		"config.yaml", "metrics.jsonl", "report.html", "report.md", "report.json",
		"modulated-seed2/last/config.json", "modulated-seed7/best/model.safetensors", "lstm-seed2/best/tokenizer.json", "lstm-seed7/checkpoints",
	} {
		if _, err := os.Stat(filepath.Join(run, name)); err != nil {
			t.Error(err)
		}
	}
	steps := 0
	for line := range strings.Lines(read(t, run, metricsFile)) {
		want := []string{"epoch", "grad_norm", "lr", "model", "seed", "step", "tokens", "tokens_per_s", "train_nll"}
		l := decode(t, line)
		if _, atEnd := l["valid_nll"]; atEnd {
			if l["model"] != "lstm" {
				want = append(want[:len(want)-1], "traces", "train_nll", "valid_nll", "valid_nll_mean", "valid_nll_off")
			} else {
				want = append(want, "valid_nll")
			}
		} else {
			steps++
		}
		wantKeys(t, l, want...)
	}
	if steps != 4*2*5 { // four trainings of two epochs of five windows
		t.Errorf("%d lines of steps in metrics.jsonl", steps)
	}
	report := decode(t, read(t, run, "report.json"))
	for key, want := range map[string]string{"version": "0.2.0", "data": "corpus", "preset": "sample"} {
		if report[key] != want {
			t.Errorf("%s is %v, want %s", key, report[key], want)
		}
	}
	if s := fmt.Sprint(report["command"]); !strings.HasPrefix(s, "go run ./train --data ") || !strings.HasSuffix(s, "--seeds 2,7 --set log_every=1") {
		t.Errorf("command %q", s)
	}
	arms := report["arms"].([]any)
	if len(arms) != 2 {
		t.Fatalf("%d arms", len(arms))
	}
	for i, model := range []string{"modulated", "lstm"} {
		arm := arms[i].(map[string]any)
		if arm["model"] != model || arm["hidden"] != arm["embedding"] || !(arm["params"].(float64) > 500) {
			t.Errorf("%v", arm)
		}
		for _, key := range []string{"valid_ppl", "test_ppl"} {
			ci := arm[key].(map[string]any)
			wantKeys(t, ci, "ci95", "mean")
			if !(ci["mean"].(float64) > 1 && ci["ci95"].(float64) >= 0) {
				t.Errorf("%s: %v", key, ci)
			}
		}
		for _, key := range []string{"test_ppl_off", "test_ppl_frozen", "test_ppl_mean"} {
			ci := arm[key].(map[string]any)
			wantKeys(t, ci, "ci95", "mean")
			if has := ci["mean"] != nil; has != (model == "modulated") {
				t.Errorf("%s of %s: %v", key, model, ci)
			}
		}
		seeds := arm["seeds"].([]any)
		for j, number := range []float64{2, 7} {
			s := seeds[j].(map[string]any)
			if s["seed"] != number || !(s["best_epoch"].(float64) >= 1 && s["valid_ppl"].(float64) > 1 && s["test_ppl"].(float64) > 1 && s["tokens_per_s"].(float64) > 0) {
				t.Errorf("%v", s)
			}
			stillAsEval(t, filepath.Join(run, fmt.Sprintf("%s-seed%v", model, number), "best"), texts, s)
		}
	}
	table := strings.Split(out, "\n")
	if !strings.HasPrefix(table[0], "model ") || !strings.HasPrefix(table[1], "modulated ") || !strings.HasPrefix(table[2], "lstm ") {
		t.Errorf("no table on stdout: %q", out)
	}
	for _, word := range []string{"epoch", "runs/", "Corpus"} {
		if strings.Contains(out, word) || !strings.Contains(errs, word) {
			t.Errorf("%q belongs on stderr, not among the results: %q, %q", word, out, errs)
		}
	}
}

// stillAsEval holds what a report says of a seed with its traces standing still
// against what internal/score says of its best model, null where it has none.
func stillAsEval(t *testing.T, dir, corpus string, seed map[string]any) {
	t.Helper()
	m, tok, err := lm.Load[float32](dir)
	must(t, err)
	c, err := data.Open(corpus, data.Options{Tokenizer: tok, CacheDir: t.TempDir()})
	must(t, err)
	valid, err := c.Split("valid")
	must(t, err)
	test, err := c.Split("test")
	must(t, err)
	for _, mode := range score.AllTraces {
		key := "test_ppl_" + string(mode)
		if mode == score.On {
			key = "test_ppl"
		} else if !m.HasTraces() {
			if v, ok := seed[key]; v != nil || !ok {
				t.Errorf("%s of %s is %v; want null", key, dir, v)
			}
			continue
		}
		losses, err := score.Read(t.Context(), m, test.Tokens, mode, score.WarmUp{Tokens: valid.Tokens, Streams: 20}, score.Reading{Batch: 1, Steps: 35}, nil)
		must(t, err)
		if seed[key] != lm.Perplexity(losses.Mean()) {
			t.Errorf("%s of %s is %v; want %v", key, dir, seed[key], lm.Perplexity(losses.Mean()))
		}
	}
}

func wantKeys(t *testing.T, object map[string]any, want ...string) {
	t.Helper()
	var got []string
	for key := range object {
		got = append(got, key)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	out, errs := succeed(t, tiny("--models", "lstm", "--quiet", "--out", t.TempDir())...)
	if errs != "" || !strings.HasPrefix(out, "model ") {
		t.Errorf("stderr %q, stdout %q", errs, out)
	}
}

// A preset is overruled by a file, that by --set, that by a flag; the run's
// folder has what came of it, and that is a configuration again.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "my.yaml"), "hidden: 7\nbatch: 4 # mine\nbptt: 5\nmodels: [plastic]\nepochs: 1\ndata: "+folder(lstmCase, "corpus")+"\n")
	run := filepath.Join(dir, "run")
	succeed(t, "--config", file, "--set", "batch=3", "--set", "bptt=6", "--set", "clip-norm=0.5", "--bptt", "7", "--threads=1", "--out", run)
	text := read(t, run, configFile)
	for _, want := range []string{
		"preset: sample #", "hidden: 7 #", "batch: 3 #", "bptt: 7 #", "clip_norm: 0.5 #", "models: [plastic] #", "layers: 2 #", "threads: 1 #", "seeds: 1, #",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	again := filepath.Join(dir, "again")
	succeed(t, "--config", filepath.Join(run, configFile), "--out", again)
	if read(t, again, configFile) != text {
		t.Error("a run's own config.yaml gives another one")
	}
	weights := "plastic-seed1/last/model.safetensors"
	if read(t, run, weights) != read(t, again, weights) {
		t.Error("a run's own config.yaml gives another model")
	}
}

func TestOut(t *testing.T) {
	t.Parallel()
	c := command(t, tiny("--models", "lstm", "--steps", "1")...)
	for range 2 {
		again := command(t, c.Args[1:]...)
		again.Dir = c.Dir
		if _, errs, status := finish(t, again); status != 0 {
			t.Fatal(errs)
		}
	}
	entries, err := os.ReadDir(filepath.Join(c.Dir, "runs"))
	if err != nil || len(entries) != 2 || entries[0].Name() != "corpus-1" || entries[1].Name() != "corpus-2" {
		t.Errorf("%v, %v", entries, err)
	}
	// New folders with new parents, and an empty one behind a link.
	out := filepath.Join(t.TempDir(), "a b", "c")
	succeed(t, tiny("--models", "lstm", "--steps", "1", "--out", out)...)
	empty, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(empty, link))
	succeed(t, tiny("--models", "lstm", "--steps", "1", "--out", link)...)
	read(t, empty, "report.json")
	// As a shell completes the name of a folder.
	slashed := filepath.Join(t.TempDir(), "new")
	succeed(t, tiny("--models", "lstm", "--steps", "1", "--out", slashed+string(filepath.Separator))...)
	read(t, slashed, "report.json")
	fail(t, 1, []string{"--out"}, tiny("--models", "lstm", "--out", ".")...)
}
