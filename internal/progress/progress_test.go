package progress

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestNoTerminalNoBar(t *testing.T) {
	var buf bytes.Buffer
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, b := range []*Bar{New(&buf, false, "reading", 10, "tokens"), New(file, false, "reading", 10, "tokens")} {
		if b != nil {
			t.Error("a bar without a terminal")
		}
		b.Set(5)
		b.Describe("still reading")
		b.Clear()
	}
	if info, err := file.Stat(); err != nil || info.Size() != 0 || buf.Len() != 0 {
		t.Errorf("something was written (%v)", err)
	}
}

func TestBar(t *testing.T) {
	var buf bytes.Buffer
	b := draw(&buf, "reading", 1000, "tokens")
	for done := 0; done < 500; done += 100 {
		time.Sleep(120 * time.Millisecond) // beyond the throttle
		b.Set(done + 100)
	}
	b.Describe("nll 4.5")
	time.Sleep(120 * time.Millisecond)
	b.Set(600)
	out := buf.String()
	for _, want := range []string{"reading  50%", "tokens/s", "nll 4.5  60%"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	if !regexp.MustCompile(`\[\d+s:\d+s\]`).MatchString(out) {
		t.Errorf("no time taken and left in %q", out)
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "\n") {
		t.Errorf("colours or a second line in %q", out)
	}
	b.Clear()
	if out := buf.String(); !strings.HasSuffix(out, " \r") {
		t.Errorf("not cleared: %q", out)
	}
}
