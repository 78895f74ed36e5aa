package progress

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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

// The speed is that of what the bar has seen, not of what was done before.
func TestBar(t *testing.T) {
	var buf bytes.Buffer
	b := draw(&buf, "reading", 2_000_000, "tokens", 0)
	for done := 1_000_000; done <= 1_000_400; done += 100 {
		b.Set(done)
		time.Sleep(120 * time.Millisecond) // beyond the throttle
	}
	b.Describe("nll 4.5")
	b.Set(1_200_000)
	out := buf.String()
	for _, want := range []string{"reading  50%", "nll 4.5, ", "60% |"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	m := regexp.MustCompile(`reading, (\d+) tokens/s, \w+ left  50%`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no speed and time left in %q", out)
	}
	if n, _ := strconv.Atoi(m[1]); n > 100*1000/120 { // a sleep is never shorter
		t.Errorf("%d tokens/s, but 100 in 120 ms at most", n)
	}
	if strings.Contains(out, "\x1b") || strings.Contains(out, "\n") {
		t.Errorf("colours or a second line in %q", out)
	}
	b.Clear()
	if out := buf.String(); !strings.HasSuffix(out, " \r") {
		t.Errorf("not cleared: %q", out)
	}
}

// The time left is the smaller of what the work and the limit leave.
func TestPace(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		seconds, done int
		limit         time.Duration
		want          string
	}{
		{0, 500, 0, ""},
		{4, 540, 0, ", 10 tokens/s, 46s left"},
		{4, 540, 20 * time.Second, ", 10 tokens/s, 20s left"},
		{4, 540, time.Minute, ", 10 tokens/s, 46s left"},
		{4, 540, -time.Second, ", 10 tokens/s, 0s left"},
		{4, 500, 0, ""},
		{4, 1000, 0, ", 125 tokens/s, 0s left"},
	} {
		b := draw(io.Discard, "reading", 1000, "tokens", 0)
		b.speed.add(start, 500)
		b.speed.add(start.Add(time.Duration(c.seconds)*time.Second), c.done)
		if c.limit != 0 {
			b.Limit(c.limit)
		}
		if c.seconds == 0 {
			b.speed.marks = b.speed.marks[:1]
		}
		if speed, left := b.pace(c.done); speed+left != c.want {
			t.Errorf("%+v: %q", c, speed+left)
		}
	}
}

// A speed forgets what lies further back than its span.
func TestSpeed(t *testing.T) {
	var s speed
	start := time.Now()
	for i := range 100 {
		n := i
		if i > 50 {
			n = 50 + 3*(i-50)
		}
		s.add(start.Add(time.Duration(i)*time.Second), n)
		if want := 1.0; i > 0 && i <= 50 && s.perSecond() != want || i >= 56 && s.perSecond() != 3 {
			t.Errorf("%g a second after %d", s.perSecond(), i)
		}
	}
	if len(s.marks) > 7 {
		t.Errorf("%d marks kept", len(s.marks))
	}
}

func TestRate(t *testing.T) {
	for want, v := range map[string]float64{
		"13,300 episodes/s": 13_333.3, "1,230,000 episodes/s": 1_234_567, "9,990 episodes/s": 9_994, "10,000 episodes/s": 9_999,
		"100 episodes/s": 99.99, "123 episodes/s": 123.4, "2.53 episodes/s": 2.531, "1 episodes/s": 1,
		"30 episodes/min": 0.5, "1 episodes/min": 1. / 60, "36 episodes/h": 0.01, "0 episodes/s": math.NaN(),
	} {
		if got := Rate(v, "episodes"); got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
	if got := Rate(13_333, ""); got != "13,300/s" {
		t.Error(got)
	}
}

func TestRounded(t *testing.T) {
	for want, seconds := range map[string]float64{"1.2s": 1.234, "12s": 12.34, "2m": 121, "42m": 42*60 + 3, "1h0m": 3600, "0s": 0} {
		if got := Rounded(seconds); got != want {
			t.Errorf("%g: %s, want %s", seconds, got, want)
		}
	}
}
