package study

import (
	"os"
	"path/filepath"
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
	out, _ := succeed(t, "--out", filepath.Join(t.TempDir(), "run"), "--models", "steady", "--optimizer", "sgd", "--json")
	averaged, _ := succeed(t, "--out", filepath.Join(t.TempDir(), "run"), "--models", "steady", "--optimizer", "asgd", "--json")
	if a, b := objects(t, out)[0]["extra"], objects(t, averaged)[0]["extra"]; a.(map[string]any)["first_weight"] == b.(map[string]any)["first_weight"] {
		t.Error("the averages are not what is tested")
	}
}
