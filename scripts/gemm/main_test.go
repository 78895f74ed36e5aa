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
)

var small = []string{"--rows", "9", "--hidden", "5", "--vocab", "21", "--seconds", "0.001"}

// Each of the three products prints one JSON object with a speed.
func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), small, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(out.String()) {
		var r Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		names = append(names, r.Product)
		if r.GFLOPS <= 0 || r.GFLOPSBest < r.GFLOPS || r.PeakFMA <= 0 || r.Share <= 0 || r.Threads != 2 {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(names, " "); got != "logits dh dw" {
		t.Errorf("products %s, want logits dh dw", got)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"--rows", "0"}, {"--seconds", "-1"}, {"--threads", "0"}, {"extra"}} {
		err := run(context.Background(), args, io.Discard, io.Discard)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: error %v, want one of usage in one line", args, err)
		}
	}
}
