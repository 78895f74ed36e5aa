package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Width returns how many characters a line on w has room for; 0 where w is no
// terminal, and room without end.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !Terminal(w) {
		return 0
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
		return n
	}
	return 80
}

// Say writes a line, on a terminal in as many as it takes.
func Say(w io.Writer, format string, a ...any) {
	fmt.Fprintln(w, Fold(fmt.Sprintf(format, a...), Width(w)))
}

// Fold breaks lines that are longer than width at their spaces, where there are
// two next to each other first, and sets what follows in by four. Words that are
// too long by themselves, such as paths, stay whole. A width of 0 is one without end.
func Fold(text string, width int) string {
	if width <= 0 {
		return text
	}
	var folded []string
	for line := range strings.SplitSeq(text, "\n") {
		for utf8.RuneCountInString(line) > width {
			head, tail := split(line, width)
			if tail == "" {
				break
			}
			folded = append(folded, head)
			line = "    " + tail
		}
		folded = append(folded, line)
	}
	return strings.Join(folded, "\n")
}

// split cuts a line that is too long before the last gap of its first width
// characters: one of two spaces, which is what is between two columns, if that leaves
// half of the line filled, else any; tail is "" where there is none.
func split(line string, width int) (head, tail string) {
	runes := []rune(line)
	start := len(runes) - len([]rune(strings.TrimLeft(line, " ")))
	wide, narrow := 0, 0
	for i := start + 1; i <= width && i < len(runes); i++ {
		if runes[i] != ' ' {
			continue
		}
		if i+2 < len(runes) && runes[i+1] == ' ' && runes[i+2] != ' ' && runes[i-1] != ' ' {
			wide = i
		}
		if runes[i-1] != ' ' {
			narrow = i
		}
	}
	at := narrow
	if wide > width/2 {
		at = wide
	}
	if at == 0 { // a word longer than the line
		head, tail, _ = strings.Cut(string(runes[start:]), " ")
		return string(runes[:start]) + head, strings.TrimLeft(tail, " ")
	}
	return string(runes[:at]), strings.TrimLeft(string(runes[at:]), " ")
}

// describe is what a bar says within so many characters: what it is, how fast it goes
// and what is left, of which the speed goes first where there is no room, and then
// the last clauses of what it is. A room of 0 is one without end.
func describe(what, speed, left string, room int) string {
	text := what + speed + left
	if room <= 0 || utf8.RuneCountInString(text) <= room {
		return text
	}
	for text = what + left; utf8.RuneCountInString(text) > room; text = what + left {
		i := strings.LastIndex(what, ", ")
		if i < 0 {
			return string([]rune(text)[:room])
		}
		what = what[:i]
	}
	return text
}
