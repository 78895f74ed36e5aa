package main

import (
	"fmt"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/engram-lm/engram/"

// pkg is a package of the module.
type pkg struct {
	path    string // within the module
	does    string // the first clause of its comment
	imports []string
}

// isModule reports whether a folder is the root of a module, which one within another
// is no part of.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// packages returns the packages under root, in the order of their paths. Files for
// other systems count as well, so that the result is the same on all.
func packages(root string) ([]pkg, error) {
	byPath := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := d.Name()
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (name == "testdata" || name == "findings" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || isModule(path)):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		p := byPath[dir]
		if p == nil {
			p = &pkg{path: dir}
			byPath[dir] = p
		}
		if file.Doc != nil {
			p.does = firstClause(file.Doc.Text())
		}
		for _, i := range file.Imports {
			of, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if inner, ok := strings.CutPrefix(of, module); ok && !slices.Contains(p.imports, inner) {
				p.imports = append(p.imports, inner)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []pkg
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		p := byPath[path]
		if p.does == "" {
			return nil, fmt.Errorf("package %s has no comment that says what it does", path)
		}
		slices.Sort(p.imports)
		list = append(list, *p)
	}
	return list, nil
}

var (
	opening   = regexp.MustCompile(`^(?:Package|Command) \w+ `)
	source    = regexp.MustCompile(` \[[1-9][^\]]*\]`) // a reference of the comment's own list
	clauses   = regexp.MustCompile(`[:;.](?: |$)`)
	paragraph = "\n\n"
)

// firstClause is what a package's comment says first, without the package's name
// and without references.
func firstClause(comment string) string {
	text, _, _ := strings.Cut(comment, paragraph)
	text = strings.Join(strings.Fields(new(doc.Package).Synopsis(text)), " ")
	text = opening.ReplaceAllString(source.ReplaceAllString(text, ""), "")
	if at := clauses.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return text
}

// table is the packages in Markdown.
func table(pkgs []pkg) string {
	var b strings.Builder
	b.WriteString("| package | | imports, of this module |\n| --- | --- | --- |\n")
	for _, p := range pkgs {
		imports := "nothing"
		if len(p.imports) > 0 {
			imports = "`" + strings.Join(p.imports, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.path, p.does, imports)
	}
	return b.String()
}
