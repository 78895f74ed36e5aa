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
type Bar struct{ bar *progressbar.ProgressBar }

// New returns a bar for total units of work (unit is their plural, for instance
// "tokens") after the words of what. It is nil, and so shows nothing, if quiet is
// set or w is no terminal.
func New(w io.Writer, quiet bool, what string, total int, unit string) *Bar {
	if quiet || !Terminal(w) {
		return nil
	}
	return draw(w, what, total, unit)
}

// Terminal reports whether w is a terminal on which a line can be drawn over.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

func draw(w io.Writer, what string, total int, unit string) *Bar {
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(24),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)
	bar.StartWithoutRender() // the clock, which else starts with the first Set and makes its speed nonsense
	return &Bar{bar}
}

// Set says how many units are done. Errors of the terminal are of no account.
func (b *Bar) Set(done int) {
	if b != nil {
		_ = b.bar.Set(done)
	}
}

// Describe changes the words before the bar, for instance to tell the loss.
func (b *Bar) Describe(what string) {
	if b != nil {
		b.bar.Describe(what)
	}
}

// Clear takes the bar off the terminal, so that something else can be written
// there; the next Set draws it again.
func (b *Bar) Clear() {
	if b != nil {
		_ = b.bar.Clear()
	}
}
