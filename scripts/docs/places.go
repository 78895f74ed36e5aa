package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	// place is a file or folder of the module, and before it the names that it is
	// said to declare: `step` and `stepBackward`, lstm/scan/rnn.go.
	place = regexp.MustCompile("((?:`[A-Za-z]\\w*`(?:, | and ))*)((?:data|docs|eval|internal|lstm|plasticlstm|scripts|tokenizer|train)(?:/[\\w.-]+)+|[a-z]+\\.go)")
	named = regexp.MustCompile("`(\\w+)`")
	local = regexp.MustCompile(`^[a-z]+\.go$`) // in the folder of the place before it
)

// wrongPlaces returns what a page says of places in the code that is not so.
func wrongPlaces(root, text string) (wrong []string) {
	folder := ""
	for _, m := range place.FindAllStringSubmatch(text, -1) {
		names, path := m[1], strings.TrimRight(m[2], ".")
		if local.MatchString(path) {
			path = folder + "/" + path
		}
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			if names != "" || filepath.Ext(path) != "" { // else a folder that a reader's command makes
				wrong = append(wrong, path+" is not there")
			}
			continue
		}
		if folder = path; !info.IsDir() {
			folder = filepath.ToSlash(filepath.Dir(path))
		}
		if names == "" {
			continue
		}
		declared, err := declarations(filepath.Join(root, path))
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		for _, n := range named.FindAllStringSubmatch(names, -1) {
			if !declared[n[1]] {
				wrong = append(wrong, fmt.Sprintf("%s does not declare %s", path, n[1]))
			}
		}
	}
	return wrong
}

// declarations returns the names of functions, methods, types, variables and
// constants that a Go file, or all those of a folder, declare.
func declarations(path string) (map[string]bool, error) {
	files := []string{path}
	if filepath.Ext(path) == "" {
		var err error
		if files, err = filepath.Glob(path + "/*.go"); err != nil {
			return nil, err
		}
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names, nil
}
