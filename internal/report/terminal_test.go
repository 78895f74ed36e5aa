package report

import (
	"strings"
	"testing"
)

// On a narrow terminal no line is too long, and nothing is missing: columns without
// room come below, the models before them again.
func TestNarrowTerminal(t *testing.T) {
	r := fourArms()
	r.Summarise()
	whole := r.compare(ascii)
	wide := &terminal{}
	wide.table(whole)
	for _, width := range []int{30, 60, 80, 200} {
		b := &terminal{width: width}
		b.table(whole)
		b.sentences(r.find().Support...)
		blocks := strings.Count(b.String(), "\nretroactive")
		for _, line := range strings.Split(b.String(), "\n") {
			if len(line) > width {
				t.Errorf("%d characters in %d: %s", len(line), width, line)
			}
		}
		for _, c := range whole.Columns[1:] {
			for _, cell := range append([]string{c.Head}, c.Cells...) {
				if !strings.Contains(b.String(), cell) {
					t.Errorf("width %d: no %q", width, cell)
				}
			}
		}
		if width == 200 && blocks != 1 || width == 60 && blocks < 2 {
			t.Errorf("width %d: %d blocks", width, blocks)
		}
	}
	if strings.Count(wide.String(), "\n") != 6 {
		t.Errorf("a text without end has the table in lines of its own:\n%s", wide)
	}
}
