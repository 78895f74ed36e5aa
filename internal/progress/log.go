package progress

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Log is where works that may go on side by side, each on a goroutine of its own,
// say how far they are: in lines and, on a terminal, below them in bars that are
// drawn over and over. A bar alone is drawn in full, several share a line.
type Log struct {
	mu       sync.Mutex
	w        io.Writer
	quiet    bool
	terminal bool
	bars     []*Bar
	drawn    int        // characters of the shared line on the terminal
	width    func() int // of the terminal
}

// NewLog returns a log that writes to w: nothing if quiet is set, no bars if w is
// no terminal.
func NewLog(w io.Writer, quiet bool) *Log {
	l := &Log{w: w, quiet: quiet, terminal: Terminal(w)}
	l.width = func() int { return Width(w) }
	return l
}

// Printf writes a line above the bars. Errors of the terminal are of no account.
func (l *Log) Printf(format string, a ...any) {
	if !l.quiet {
		l.Warnf(format, a...)
	}
}

// Warnf writes a line above the bars, quiet or not.
func (l *Log) Warnf(format string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintln(l.w, Fold(fmt.Sprintf(format, a...), l.width()))
}

// Begin returns a bar as New does, to be ended by End.
func (l *Log) Begin(what string, total int, unit string) *Bar {
	if l.quiet || !l.terminal {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	b := draw(l.w, what, total, unit, l.width())
	b.log, b.name, b.far = l, what, what
	l.bars = append(l.bars, b)
	return b
}

// end takes a bar off the log.
func (l *Log) end(b *Bar) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	l.bars = slices.DeleteFunc(l.bars, func(other *Bar) bool { return other == b })
}

// clear takes the bars off the terminal; what is set next draws them again.
func (l *Log) clear() {
	for _, b := range l.bars {
		_ = b.bar.Clear()
	}
	if l.drawn > 0 {
		fmt.Fprintf(l.w, "\r%s\r", strings.Repeat(" ", l.drawn))
		l.drawn = 0
	}
}

// line draws all bars in a line: without the time that is left where there is no room
// for it, and then as many as there is room for.
func (l *Log) line() {
	var full, short []string
	for _, b := range l.bars {
		full, short = append(full, b.far+b.rest), append(short, b.far)
	}
	room := max(l.width()-1, 0)
	text := strings.Join(full, " | ")
	for len(text) > room && len(short) > 0 {
		text = strings.Join(short, " | ")
		short = short[:len(short)-1]
	}
	text = text[:min(len(text), room)]
	fmt.Fprintf(l.w, "\r%-*s", l.drawn, text)
	l.drawn = len(text)
}

// state is how far the bar's work is, in few words, and what is left of it.
func (b *Bar) state(done int) (far, rest string) {
	far = fmt.Sprintf("%s %d%%", b.name, 100*done/max(b.total, 1))
	if left, ok := b.left(done); ok {
		rest = " " + leftOver(left)
	}
	return far, rest
}

// Thousands writes an integer with separators: "10,000".
func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 1 || i == 1 && n > 0; i -= 3 { // "-100" has none
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count writes so many things: "1 neuron", "1,001 neurons".
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return Thousands(n) + " " + thing
}
