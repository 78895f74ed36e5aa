package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// noUnknown is a change to a tokenizer.json after which <unk> is no word of it.
func noUnknown(s string) string {
	return replace(`"unk_token": "<unk>"`, `"unk_token": "<none>"`)(replace(`"<unk>": 1`, `"w1": 1`)(s))
}

func TestBadModel(t *testing.T) {
	truncate := func(s string) string { return s[:len(s)-40] }
	for _, c := range []struct {
		name, file string
		change     func(string) string
		words      []string
	}{
		{"unknown key", "config.json", replace(`"num_layers"`, `"dropout": 0.5, "num_layers"`), []string{"config.json", "dropout"}},
		{"not a model", "config.json", replace(`"lstm"`, `"transformer"`), []string{"config.json", "model", "lstm"}},
		{"tensors that do not fit", "config.json", replace(`"hidden_size": 8`, `"hidden_size": 9`), []string{"model.safetensors", "layers.0.", "shape"}},
		{"truncated tensors", "model.safetensors", truncate, []string{"model.safetensors"}},
		{"empty tensors", "model.safetensors", func(string) string { return "" }, []string{"model.safetensors"}},
		{"truncated tokenizer", "tokenizer.json", truncate, []string{"tokenizer.json"}},
		{"a word short", "tokenizer.json", replace(`,
   "w22": 22`, ""), []string{"tokenizer.json", "22", "23", "vocab_size"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := altered(t, lstmCase, map[string]func(string) string{c.file: c.change})
			fail(t, cli.Failure, append(c.words, dir), "perplexity", "--model", dir, "--data", lstmCase+"/corpus")
			fail(t, cli.Failure, append(c.words, dir), "generate", "--model", dir)
		})
	}
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.json"} {
		t.Run("without "+name, func(t *testing.T) {
			dir := altered(t, lstmCase, nil)
			must(t, os.Remove(filepath.Join(dir, name)))
			fail(t, cli.Failure, []string{dir, name, "want the folder"}, "generate", "--model", dir)
		})
	}
	missing := filepath.Join(t.TempDir(), "best")
	fail(t, cli.Failure, []string{missing, "not a model folder"}, "generate", "--model", missing)
}

func TestBadText(t *testing.T) {
	model := lstmCase + "/model"
	strict := altered(t, lstmCase, map[string]func(string) string{"tokenizer.json": noUnknown})
	for _, c := range []struct {
		name, model, text string
		words             []string
	}{
		{"NUL bytes", model, "w3 w4\nw5\x00w6\n", []string{":2", "binary"}},
		{"not UTF-8", model, "w3 \xff\xfe w4\n", []string{":1", "UTF-8"}},
		{"empty", model, "", []string{"empty"}},
		{"only white space", model, "\n \n", []string{"empty"}},
		{"unknown word", strict, "w3 w4\nw5 zebra\n", []string{":2", `"zebra"`, "<unk>", "use a text of its words only, or a model trained with --min-count"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := file(t, c.text)
			fail(t, cli.Failure, append(c.words, path), "perplexity", "--model", c.model, "--text", path)
		})
	}
	missing := filepath.Join(t.TempDir(), "none.txt")
	fail(t, cli.Failure, []string{missing, "want a text file, or - for standard input"}, "perplexity", "--model", model, "--text", missing)
	folder := t.TempDir()
	fail(t, cli.Failure, []string{folder, "want a regular file, or - for standard input"}, "perplexity", "--model", model, "--text", folder)
	fail(t, cli.Failure, []string{missing, "want a text file", "or a split of the corpus: train, valid, test"},
		"perplexity", "--model", modulatedCase+"/model", "--data", modulatedCase+"/corpus", "--cache", folder, "--traces", "frozen", "--warm-up", missing)
	fail(t, cli.Usage, []string{"--prompt", `"zebra"`, "<unk>"}, "generate", "--model", strict, "--prompt", "w3 zebra")
	fail(t, cli.Usage, []string{"--prompt", "UTF-8"}, "generate", "--model", model, "--prompt", "w3 \xff")
}

func TestBadCorpus(t *testing.T) {
	model := lstmCase + "/model"
	perplexity := func(dir string) []string {
		return []string{"perplexity", "--model", model, "--data", dir, "--cache", t.TempDir()}
	}
	dir := t.TempDir()
	fail(t, cli.Failure, []string{dir, "missing", "train.txt"}, perplexity(dir)...)
	must(t, os.CopyFS(dir, os.DirFS(lstmCase+"/corpus")))
	must(t, os.Truncate(filepath.Join(dir, "test.txt"), 0))
	fail(t, cli.Failure, []string{filepath.Join(dir, "test.txt"), "empty"}, perplexity(dir)...)
	must(t, os.Remove(filepath.Join(dir, "test.txt")))
	fail(t, cli.Failure, []string{filepath.Join(dir, "test.txt"), "missing"}, perplexity(dir)...)
	missing := filepath.Join(dir, "none")
	fail(t, cli.Usage, []string{"--data", missing}, perplexity(missing)...)
	fail(t, cli.Failure, []string{"cache folder", "--cache"}, "perplexity", "--model", model,
		"--data", lstmCase+"/corpus", "--cache", file(t, "a file in the place of a folder"))
}
