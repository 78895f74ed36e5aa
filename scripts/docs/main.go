// Command docs writes the table of packages in docs/architecture.md from the
// packages themselves, what their comments say first and what they import of this
// module, and the table of rules in docs/equations.md from plasticlstm.
//
//	go run ./scripts/docs
//
// Its test fails where a table has drifted, and where a page names a file that is
// not there or a function that its file does not declare.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/plasticlstm"
)

// written is a table of a page, between a mark and end.
type written struct {
	page, mark string
	table      func(root string) (string, error)
}

const end = "<!-- end of the table -->\n"

var tables = []written{
	{"docs/architecture.md", "<!-- the table is written by go run ./scripts/docs -->\n", func(root string) (string, error) {
		pkgs, err := packages(root)
		return table(pkgs), err
	}},
	{"docs/equations.md", "<!-- the rules are written by go run ./scripts/docs -->\n", func(string) (string, error) { return rules(), nil }},
}

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// run rewrites the tables under root, the folder of go.mod.
func run(root string) error {
	for _, t := range tables {
		path := filepath.Join(root, t.page)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		now, err := t.in(root, string(text))
		if err != nil {
			return err
		}
		if now == string(text) {
			continue
		}
		if err := os.WriteFile(path, []byte(now), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// in returns the text of the page with the table as it is now.
func (t written) in(root, text string) (string, error) {
	table, err := t.table(root)
	if err != nil {
		return "", err
	}
	before, rest, ok := strings.Cut(text, t.mark)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("%s lacks the lines %q and %q, between which the table goes", t.page, strings.TrimSpace(t.mark), strings.TrimSpace(end))
	}
	return before + t.mark + table + end + after, nil
}

// rules is the table of the rules by which traces change.
func rules() string {
	var b strings.Builder
	b.WriteString("| rule | | source |\n| --- | --- | --- |\n")
	for _, r := range plasticlstm.Rules(plasticlstm.None) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r, r.Equation(), r.Source())
	}
	return b.String()
}
