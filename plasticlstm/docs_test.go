package plasticlstm_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README and the page about the package quote the examples to the letter: a
// quoted program compiles and runs as it stands, and prints what is said of it.
func TestTheDocsQuoteTheExamples(t *testing.T) {
	var code, output strings.Builder // the examples without their indentation; and without "// "
	indent, comment := regexp.MustCompile(`(?m)^\t`), regexp.MustCompile(`(?m)^\t// (Output: )?`)
	for _, pattern := range []string{"example*_test.go", "../lstm/example*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text := read(t, file)
			code.WriteString(indent.ReplaceAllString(text, ""))
			output.WriteString(comment.ReplaceAllString(text, ""))
		}
	}

	_, readme, _ := strings.Cut(read(t, "../README.md"), "\n## As a package\n")
	readme, _, _ = strings.Cut(readme, "\n## ")
	_, page, _ := strings.Cut(read(t, "../docs/package.md"), "\n## A layer\n")
	for _, doc := range []struct {
		name, text       string
		programs, prints int // how many are quoted
	}{
		{"README.md", readme, 1, 1},
		{"docs/package.md", page, 1, 5},
	} {
		programs, prints := 0, 0
		for _, block := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(doc.text, -1) {
			language, text := block[1], block[2]
			switch {
			case language == "":
				if prints++; !strings.Contains(output.String(), text) {
					t.Errorf("%s: no example prints\n%s", doc.name, text)
				}
			case strings.Contains(text, "lstm.NewParams"): // the others are fragments, of sizes that are the reader's
				if programs++; !strings.Contains(code.String(), text) {
					t.Errorf("%s: no example reads\n%s", doc.name, text)
				}
			}
		}
		if programs != doc.programs || prints != doc.prints {
			t.Errorf("%s quotes %d programs and %d outputs, want %d and %d", doc.name, programs, prints, doc.programs, doc.prints)
		}
		if strings.Contains(doc.text, "-run Example") {
			t.Errorf("%s sends its reader to go test -run Example, which prints no more than PASS", doc.name)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
