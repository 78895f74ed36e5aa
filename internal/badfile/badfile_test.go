package badfile

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestErrorIsOneLine(t *testing.T) {
	err := New("config.json", "a\nb", "is %q\r\n; want 1 %s", "x", strings.Repeat("long ", 1000))
	if s := err.Error(); strings.ContainsAny(s, "\r\n") || len(s) > 1300 {
		t.Errorf("not one readable line: %q", s)
	}
	if s := New("f", "", "too short").Error(); s != "f: too short" {
		t.Errorf("without a field: %q", s)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 1024: "1024 bytes"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestAtMovesOnlyItsOwnErrors(t *testing.T) {
	if got := At("dir/config.json", New("config.json", "model", "is missing")).Error(); got != "dir/config.json: model: is missing" {
		t.Error(got)
	}
	if !errors.Is(At("x", fs.ErrNotExist), fs.ErrNotExist) {
		t.Error("a failing disk must stay what it is")
	}
}
