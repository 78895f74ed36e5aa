package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
)

// The precision of a run stands in its settings, its record, its report and its
// models, holds until its end, and goes on with a model.
func TestPrecision(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--models", "lstm", "--precision", "bf16", "--out", dir)...)
	for name, want := range map[string]string{
		configFile: "precision: bf16 #", recordFile: `precision: bf16 #`, "report.json": `"precision": "bf16"`,
		"report.md": "precision: bf16", "report.html": "precision: bf16", "lstm-seed1/last/config.json": `"precision": "bf16"`,
	} {
		if !strings.Contains(read(t, dir, name), want) {
			t.Errorf("no %q in %s", want, name)
		}
	}
	fail(t, cli.Usage, []string{"--precision f32", "with bf16", "new run"}, "--resume", dir, "--precision", "f32", "--force")
	precision := func(dir string) string {
		t.Helper()
		c, err := modeldir.ParseConfig([]byte(read(t, dir, "lstm-seed1/last/config.json")))
		must(t, err)
		return c.Precision
	}
	from := func(more ...string) string {
		out := filepath.Join(t.TempDir(), "run")
		succeed(t, append([]string{"--init", filepath.Join(dir, "lstm-seed1/last"), "--data", folder(lstmCase, "corpus"), "--batch", "3", "--epochs", "1", "--out", out}, more...)...)
		return precision(out)
	}
	if got := from(); got != "bf16" {
		t.Errorf("--init from it trains in %q", got)
	}
	if got := from("--precision", "f32"); got != "" {
		t.Errorf("--init from it with --precision f32 trains in %q", got)
	}
	plain := filepath.Join(t.TempDir(), "run")
	succeed(t, tiny("--models", "lstm", "--out", plain)...)
	if got := precision(plain); got != "" {
		t.Errorf("a model in f32 says %q", got)
	}
	if read(t, dir, "lstm-seed1/last/model.safetensors") == read(t, plain, "lstm-seed1/last/model.safetensors") {
		t.Error("bf16 trains to the bits of f32")
	}
}
