// Package progress shows on a terminal how far a run has come, at what speed,
// and how long it will still take. Anywhere else, in a file or a pipe, it shows
// nothing. The bar is plain text without colours, so NO_COLOR has its way.
package progress

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Bar is a line that is drawn over and over. The nil Bar shows nothing.
type Bar struct {
	bar        *progressbar.ProgressBar
	what, unit string
	total      int
	room       int // characters of what it says; 0: without end
	speed      speed
	limit      time.Duration // 0: none
	drawn      time.Time

	log             *Log // that it was begun on; nil: none
	name, far, rest string
}

// New returns a bar for total units of work (unit is their plural, for instance
// "tokens") after the words of what. It is nil, and so shows nothing, if quiet is
// set or w is no terminal.
func New(w io.Writer, quiet bool, what string, total int, unit string) *Bar {
	if quiet || !Terminal(w) {
		return nil
	}
	return draw(w, what, total, unit, Width(w))
}

// Terminal reports whether w is a terminal on which a line can be drawn over.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// draw returns a bar on any writer. The library draws it, but speed and time left
// are this package's: the library's count what was done before the bar began, and
// know no end but that of the work.
func draw(w io.Writer, what string, total int, unit string, width int) *Bar {
	bars := 24
	if width > 0 {
		bars = max(min(bars, width-60), 4)
	}
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(bars),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionClearOnFinish(),
	)
	room := 0
	if width > 0 {
		room = max(width-bars-len(" 100% |")-len("| ")-1, 1)
	}
	return &Bar{bar: bar, what: what, unit: unit, total: total, room: room}
}

// every is how often the bar is drawn at most.
const every = 100 * time.Millisecond

// Set says how many units are done. What the first call says was done before: the
// speed is that of what follows. Errors of the terminal are of no account.
func (b *Bar) Set(done int) {
	if b == nil {
		return
	}
	if b.log != nil {
		b.log.mu.Lock()
		defer b.log.mu.Unlock()
	}
	now := time.Now()
	if now.Sub(b.drawn) < every && done < b.total {
		return
	}
	b.drawn = now
	b.speed.add(now, done)
	if b.log != nil && len(b.log.bars) > 1 {
		b.far, b.rest = b.state(done)
		b.log.line()
		return
	}
	speed, left := b.pace(done)
	b.bar.Describe(describe(b.what, speed, left, b.room))
	_ = b.bar.Set(done)
}

// Limit says that the work ends after this time, done or not.
func (b *Bar) Limit(left time.Duration) {
	if b != nil {
		b.limit = max(left, 1)
	}
}

// pace is the speed and the time left in words, nothing until they are known.
func (b *Bar) pace(done int) (speed, left string) {
	time, ok := b.left(done)
	if !ok {
		return "", ""
	}
	return ", " + Rate(b.speed.perSecond(), b.unit), ", " + leftOver(time)
}

// leftOver says how long something will still take.
func leftOver(d time.Duration) string { return d.Round(time.Second).String() + " left" }

// left is how long the work will still take, if that is known.
func (b *Bar) left(done int) (time.Duration, bool) {
	perSecond := b.speed.perSecond()
	if perSecond <= 0 {
		return 0, false
	}
	left := time.Duration(min(float64(b.total-done)/perSecond, maxLeft) * float64(time.Second))
	if b.limit > 0 {
		left = min(left, b.limit)
	}
	return left, true
}

// maxLeft is the longest time left, in seconds, that a time.Duration holds with
// room to spare.
const maxLeft = 1e9

// Describe changes the words before the bar, for instance to tell the loss.
func (b *Bar) Describe(what string) {
	if b != nil {
		b.what = what // drawn by the next Set
	}
}

// Clear takes the bar off the terminal, so that something else can be written
// there; a Set draws it again.
func (b *Bar) Clear() {
	if b != nil {
		_ = b.bar.Clear()
	}
}

// End takes a bar that was begun on a Log off it for good.
func (b *Bar) End() {
	if b != nil {
		b.log.end(b)
	}
}
