package study

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/lstm/optim"
)

// Every optimiser that has a name takes a task's steps, each in its own way, and goes
// on from a checkpoint to the same bits. It is the averages of one that averages that
// are tested.
func TestOptimizers(t *testing.T) {
	seen := map[string]string{}
	for _, name := range optim.Names() {
		dir := filepath.Join(t.TempDir(), "run")
		succeed(t, "--out", dir, "--models", "steady", "--optimizer", name, "--checkpoint-every", "20", "--keep-checkpoints", "9")
		want := product(t, dir)
		last := want["steady-seed1/checkpoints/step-00000060/tensors.safetensors"]
		if other, ok := seen[last]; ok || last == "" {
			t.Errorf("%s comes to the same as %s", name, other)
		}
		seen[last] = name
		for _, gone := range []string{resultFile, "checkpoints/step-00000060", "checkpoints/step-00000040"} {
			must(t, os.RemoveAll(filepath.Join(dir, "steady-seed1", gone)))
		}
		succeed(t, "--resume", dir)
		same(t, want, product(t, dir))
	}
	first := func(args ...string) any {
		out, _ := succeed(t, append([]string{"--out", filepath.Join(t.TempDir(), "run"), "--models", "steady", "--episodes", "60", "--json", "--optimizer"}, args...)...)
		return objects(t, out)[0]["extra"].(map[string]any)["first_weight"]
	}
	plain, half := first("sgd"), first("asgd")
	if plain == half {
		t.Error("the averages are not what is tested")
	}
	// By itself the second half is averaged; the last step alone is plain SGD.
	if first("asgd", "--average-from", "31") != half || first("asgd", "--average-from", "2") == half || first("asgd", "--average-from", "60") != plain {
		t.Error("--average-from is not where the averages begin")
	}
	if _, _, err := guess("--models", "steady", "--optimizer", "asgd", "--average-from", "61"); err == nil || !strings.Contains(err.Error(), "average_from 61: asgd would average nothing by 60") {
		t.Errorf("averages from after the end: %v", err)
	}
}
