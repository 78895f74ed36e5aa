package progress

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is what a terminal shows of what was written to it, line by line.
func screen(written string) []string {
	lines := []string{""}
	at := 0
	for _, r := range written {
		last := &lines[len(lines)-1]
		switch r {
		case '\r':
			at = 0
		case '\n':
			lines, at = append(lines, ""), 0
		default:
			runes := []rune(*last)
			if at < len(runes) {
				runes[at] = r
			} else {
				runes = append(runes, r)
			}
			*last = string(runes)
			at++
		}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

func testLog(buf *bytes.Buffer, width int) *Log {
	l := NewLog(buf, false)
	l.terminal, l.width = true, func() int { return width }
	return l
}

// Several bars share a line, and lines of text stay above them.
func TestLogSharesALine(t *testing.T) {
	var buf bytes.Buffer
	l := testLog(&buf, 80)
	show := func() string { return strings.Join(screen(buf.String()), "\n") }
	a := l.Begin("rnn seed 1", 200, "updates")
	a.Describe("rnn seed 1, training 3")
	a.Set(10)
	if got := show(); !strings.HasPrefix(got, "rnn seed 1, training 3   5% |") {
		t.Errorf("one bar: %q", got)
	}
	b := l.Begin("plastic seed 1", 100, "updates")
	a.speed, a.drawn = speed{}, time.Time{}
	a.Set(20)
	b.Set(50)
	l.Printf("half of %s", "it")
	b.speed.add(time.Now().Add(-2*time.Second), 0) // 25 a second
	b.speed.marks = b.speed.marks[1:]
	b.drawn = time.Time{}
	b.Set(50)
	if got, want := show(), "half of it\nrnn seed 1 10% | plastic seed 1 50% 2s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	a.End()
	b.drawn = time.Time{}
	b.Set(60)
	if got := show(); !strings.HasPrefix(got, "half of it\nplastic seed 1, ") || !strings.Contains(got, " 60% |") {
		t.Errorf("the last bar: %q", got)
	}
	b.End()
	if got := show(); got != "half of it\n" {
		t.Errorf("left on the terminal: %q", got)
	}
}

func TestLogKeepsToTheTerminal(t *testing.T) {
	var buf bytes.Buffer
	l := testLog(&buf, 20)
	var bars []*Bar
	for i := range 5 {
		bars = append(bars, l.Begin(fmt.Sprintf("work %d", i), 10, "things"))
	}
	for i, b := range bars {
		b.Set(i)
	}
	if got := screen(buf.String()); len(got) != 1 || got[0] != "work 0 0%" {
		t.Errorf("%q, want what fits into 19 columns", got)
	}
	l.Printf("said")
	if got := screen(buf.String()); len(got) != 2 || got[0] != "said" || got[1] != "" {
		t.Errorf("%q after a line", got)
	}
}

// What is quiet or no terminal has no bars.
func TestLogElsewhere(t *testing.T) {
	var buf bytes.Buffer
	plain, quiet := NewLog(&buf, false), NewLog(&buf, true)
	for _, l := range []*Log{plain, quiet} {
		b := l.Begin("x", 10, "things")
		b.Set(5)
		b.End()
		l.Printf("said")
	}
	if buf.String() != "said\n" {
		t.Errorf("%q", &buf)
	}
}

// Works on goroutines of their own do not tear one another's lines.
func TestLogSideBySide(t *testing.T) {
	var buf bytes.Buffer
	l := testLog(&buf, 100)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b := l.Begin(fmt.Sprint("work ", i), 50, "things")
			defer b.End()
			for n := range 50 {
				b.Set(n + 1)
				if n%10 == 9 {
					l.Printf("work %d is at %d", i, n+1)
				}
			}
		})
	}
	all.Wait()
	lines := screen(buf.String())
	if len(lines) != 41 || lines[40] != "" {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines[:40] {
		var i, n int
		if _, err := fmt.Sscanf(line, "work %d is at %d", &i, &n); err != nil || line != fmt.Sprintf("work %d is at %d", i, n) {
			t.Errorf("%q", line)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 neurons", 1: "1 neuron", 1001: "1,001 neurons", 1234567: "1,234,567 neurons", -100: "-100 neurons", -1000: "-1,000 neurons"} {
		if got := Count(n, "neuron"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
