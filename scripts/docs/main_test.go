package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

func TestTheTablesAreWritten(t *testing.T) {
	for _, table := range tables {
		text, err := os.ReadFile(filepath.Join(root, table.page))
		if err != nil {
			t.Fatal(err)
		}
		want, err := table.in(root, string(text))
		if err != nil {
			t.Fatal(err)
		}
		if want != string(text) {
			lines := strings.Split(string(text), "\n")
			for _, line := range strings.Split(want, "\n") {
				if !slices.Contains(lines, line) {
					t.Errorf("%s lacks the line\n%s", table.page, line)
				}
			}
			t.Errorf("the table of %s has drifted: go run ./scripts/docs", table.page)
		}
	}
}

func TestThePagesNameWhatIsThere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, file := range append(pages, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range wrongPlaces(root, string(text)) {
			t.Errorf("%s: %s", filepath.Base(file), wrong)
		}
	}
}

func TestWrongPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"the `run` and `rules`, scripts/docs/main.go; `table`, packages.go": "",
		"(`packages`, scripts/docs)":                                        "",
		"see scripts/docs/main.go.":                                         "",
		"`run`, `walk`, scripts/docs/main.go":                               "scripts/docs/main.go does not declare walk",
		"`table` and `run`, scripts/docs/packages.go":                       "scripts/docs/packages.go does not declare run",
		"`scripts/docs/none.go`":                                            "scripts/docs/none.go is not there",
		"`run`, scripts/docs/main.go; `table`, elsewhere.go":                "scripts/docs/elsewhere.go is not there",
		"`local`, scripts/docs/places.go, `nothing`, main.go.":              "scripts/docs/main.go does not declare nothing",
	} {
		if got := strings.Join(wrongPlaces(root, text), "; "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestFirstClause(t *testing.T) {
	for comment, want := range map[string]string{
		"Package x does this: not that. And more.":                "does this",
		"Command x writes a.json, as in [1, section 2]. More.":    "writes a.json, as in",
		"Package x is the rule of learning [1]; so.\n\nAnd more.": "is the rule of learning",
		"Package x\nreads files":                                  "reads files",
	} {
		if got := firstClause(comment); got != want {
			t.Errorf("%q: %q, want %q", comment, got, want)
		}
	}
}
