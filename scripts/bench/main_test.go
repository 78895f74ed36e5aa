package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/modeldir"
)

var small = []string{"--hidden", "8", "--embed", "8", "--vocab", "50", "--batch", "3", "--bptt", "4", "--steps", "3", "--warmup", "1"}

// Each model prints one JSON object with the peer's fields and those of its own.
func TestJSON(t *testing.T) {
	for _, kind := range modeldir.Models {
		for _, more := range [][]string{{}, {"--forward-only"}, {"--tie", "--alpha", "connection", "--rate", "layer"}} {
			var out bytes.Buffer
			args := append(append([]string{"--model", kind, "--json"}, small...), more...)
			if err := run(context.Background(), args, &out, io.Discard); err != nil {
				t.Fatalf("%v: %v", args, err)
			}
			var r map[string]any
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatalf("%v printed %q: %v", args, out.String(), err)
			}
			for field, want := range map[string]any{"model": kind, "batch": 3.0, "bptt": 4.0, "hidden": 8.0, "layers": 2.0, "vocab": 50.0, "threads": 2.0} {
				if r[field] != want {
					t.Errorf("%v: %s is %v, want %v", args, field, r[field], want)
				}
			}
			for _, field := range []string{"params", "ms_per_step_median", "ms_per_step_min", "tokens_per_s", "gemm_gflops", "fma_peak_gflops"} {
				if x, ok := r[field].(float64); !ok || x <= 0 {
					t.Errorf("%v: %s is %v, want a number above 0", args, field, r[field])
				}
			}
			if _, ok := r["peak_rss_mb"].(float64); !ok || r["kernel"] == "" {
				t.Errorf("%v: peak_rss_mb %v, kernel %v", args, r["peak_rss_mb"], r["kernel"])
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--steps", "0"}, {"--model", "gru"}, {"--alpha", "synapse"}, {"--hidden", "0"}, {"--tie", "--hidden", "8", "--embed", "-1"}, {"extra"}} {
		err := run(context.Background(), args, io.Discard, io.Discard)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: error %v, want one of usage in one line", args, err)
		}
	}
}
