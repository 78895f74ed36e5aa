package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestStatus(t *testing.T) {
	stopped, cancel := context.WithCancelCause(context.Background())
	cancel(Signal{syscall.SIGTERM})
	going := context.Background()
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		status int
		says   string
	}{
		"nothing":            {going, nil, 0, ""},
		"failure":            {going, errors.New("no\nspace"), Failure, "x: no space\n"},
		"joined":             {going, fmt.Errorf("a: %w", errors.Join(errors.New("b\nb"), errors.Join(errors.New("c"), errors.New("d")))), Failure, "x: a: b b; c; d\n"},
		"usage":              {going, fmt.Errorf("--a: %w", Usagef("want b")), Usage, "x: --a: want b\n"},
		"canceled by itself": {going, context.Canceled, Failure, "x: context canceled\n"},
		"joined to the same": {going, errors.Join(errors.New("b"), errors.New("b"), errors.New("c")), Failure, "x: b; c\n"},
		"saved":              {stopped, errors.Join(&ErrInterrupted{"Stopped."}, nil), 143, "Stopped.\n"},
		"two spaces":         {stopped, &ErrInterrupted{"To go on: --resume 'a  b'"}, 143, "To go on: --resume 'a  b'\n"},
		"canceled":           {stopped, fmt.Errorf("read: %w", context.Canceled), 143, "x: read: context canceled\n"},
		"cause":              {stopped, fmt.Errorf("read: %w", context.Cause(stopped)), 143, "x: read: terminated\n"},
		"not saved":          {stopped, errors.New("no space"), Failure, "x: no space\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := Status(c.ctx, "x", c.err, &stderr); got != c.status || stderr.String() != c.says {
				t.Errorf("status %d, %q; want %d, %q", got, stderr.String(), c.status, c.says)
			}
		})
	}
}

func TestQuoted(t *testing.T) {
	for want, args := range map[string][]string{
		"":                      nil,
		" --out runs/a --n 3":   {"--out", "runs/a", "--n", "3"},
		` '' 'a b' 'it'\''s' x`: {"", "a b", "it's", "x"},
	} {
		if got := Quoted(args); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}
