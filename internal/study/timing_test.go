package study

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
)

// --time says how fast each model is, and leaves nothing behind.
func TestTime(t *testing.T) {
	t.Chdir(t.TempDir())
	out, stderr := succeed(t, "--time", "3", "--models", "eager,still", "--set", "delay=2ms", "--threads", "1", "--json")
	lines := objects(t, out)
	if len(lines) != 2 || stderr != "" {
		t.Fatalf("%d objects and on stderr %q, want 2 and nothing: %s", len(lines), stderr, out)
	}
	for i, model := range []string{"eager", "still"} {
		o := lines[i]
		ms := o["ms_per_update_median"].(float64)
		if o["task"] != "guess" || o["model"] != model || o["params"] != 8.0 || o["updates"] != 3.0 || o["threads"] != 1.0 ||
			ms < 2 || o["ms_per_update_min"].(float64) > ms || o["updates_per_s"] != 1000/ms {
			t.Error(o)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v: want no files", entries, err)
	}
	if out, _ := succeed(t, "--time", "1"); strings.Count(out, "updates/s") != 3 {
		t.Error(out)
	}
	runtime.GOMAXPROCS(runtime.NumCPU())
	for _, args := range [][]string{{"--time", "0"}, {"--time", "2", "--resume", "x"}, {"--time", "2", "--out", "x"}, {"--time", "2", "--models", "none"}} {
		if _, _, err := guess(args...); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, _, err := guess("--time", "9", "--models", "eager", "--set", "diverge=4"); err == nil || !strings.HasPrefix(err.Error(), "eager: ") {
		t.Errorf("a diverging model: %v", err)
	}
}

// Stopped, --time says that nothing of it is kept.
func TestTimeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := cli.Execute(ctx, stubCommand(), []string{"guess", "--time", "3"}, io.Discard, io.Discard)
	if _, ok := errors.AsType[*cli.ErrInterrupted](err); !ok || err.Error() != "Stopped; --time keeps nothing." {
		t.Errorf("%v", err)
	}
}
