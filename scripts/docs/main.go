// Command docs writes the table of packages in docs/architecture.md from the
// packages themselves: what their comments say first and what they import of this
// module.
//
//	go run ./scripts/docs
//
// Its test fails where the table has drifted, and where a page names a file that is
// not there or a function that its file does not declare.
package main

import (
	"fmt"
	"os"
	"strings"
)

const (
	page  = "docs/architecture.md"
	begin = "<!-- the table is written by go run ./scripts/docs -->\n"
	end   = "<!-- end of the table -->\n"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// run rewrites the table under root, the folder of go.mod.
func run(root string) error {
	pkgs, err := packages(root)
	if err != nil {
		return err
	}
	path := root + "/" + page
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	written, err := withTable(string(text), table(pkgs))
	if err != nil || written == string(text) {
		return err
	}
	return os.WriteFile(path, []byte(written), 0o666)
}

// withTable returns the page with another table between its two marks.
func withTable(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("%s lacks the lines %q and %q, between which the table goes", page, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + table + end + after, nil
}
