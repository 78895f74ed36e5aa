package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	const epoch = "lstm seed 1  epoch  1/13  ppl train   276.41 valid   179.51  lr 20  9,462 tokens/s  after 1m41s  best"
	for _, c := range []struct {
		width      int
		text, want string
	}{
		{0, epoch, epoch},
		{101, epoch, epoch},
		{60, epoch, "lstm seed 1  epoch  1/13  ppl train   276.41 valid   179.51\n    lr 20  9,462 tokens/s  after 1m41s  best"},
		{40, epoch, "lstm seed 1  epoch  1/13\n    ppl train   276.41 valid   179.51\n    lr 20  9,462 tokens/s  after 1m41s\n    best"},
		{30, "a sentence that is a little too long for it", "a sentence that is a little\n    too long for it"},
		{10, "Run folder /a/path/that/is/long", "Run folder\n    /a/path/that/is/long"},
		{10, "/a/path/that/is/long is here", "/a/path/that/is/long\n    is\n    here"},
		{10, "exactly 10\nlines stay", "exactly 10\nlines stay"},
		{8, "exactly 10", "exactly\n    10"},
		{5, "", ""},
	} {
		if got := Fold(c.text, c.width); got != c.want {
			t.Errorf("%d: %q, want %q", c.width, got, c.want)
		}
	}
}

// Whatever the width, no word is lost, and no line is too long that could be broken.
func TestFoldAnyWidth(t *testing.T) {
	const text = "  modulated    2 x 96, embedding 96: 688,240 parameters of 688,242\nThis will take about 1m20s on 2 cores"
	for width := 1; width < 90; width++ {
		got := Fold(text, width)
		if a, b := strings.Fields(got), strings.Fields(text); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("%d: %q", width, got)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if utf8.RuneCountInString(line) > width && len(strings.Fields(line)) > 1 {
				t.Errorf("%d: %q", width, line)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	const what, speed, left = "lstm seed 1, epoch 1/3, loss 5.123", ", 20,123 tokens/s", ", 1m30s left"
	for room, want := range map[int]string{
		0: what + speed + left, 63: what + speed + left, 62: what + left, 46: what + left,
		45: "lstm seed 1, epoch 1/3" + left, 34: "lstm seed 1, epoch 1/3" + left, 33: "lstm seed 1" + left, 20: "lstm seed 1, 1m30s l",
	} {
		if got := describe(what, speed, left, room); got != want {
			t.Errorf("%d: %q, want %q", room, got, want)
		}
	}
}

// A bar stays within its line, whatever the width of the terminal.
func TestBarFits(t *testing.T) {
	for _, width := range []int{200, 100, 80, 60, 40, 30} {
		var buf bytes.Buffer
		l := testLog(&buf, width)
		b := l.Begin("retroactive seed 12", 4_000_000, "tokens")
		start := time.Now()
		b.speed.add(start.Add(-time.Minute), 0)
		b.Describe("retroactive seed 12, training 1.234")
		b.Set(1_000_000)
		got := screen(buf.String())
		if last := got[len(got)-1]; utf8.RuneCountInString(last) >= width || !strings.Contains(last, "retroactive seed 12") && width > 40 {
			t.Errorf("%d: %d characters: %q", width, utf8.RuneCountInString(last), last)
		}
	}
}
