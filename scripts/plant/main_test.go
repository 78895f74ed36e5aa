package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Every error has its place still. Whether the tests notice it takes minutes to
// see: go run ./scripts/plant.
func TestEveryErrorHasAPlace(t *testing.T) {
	names := map[string]bool{}
	for _, e := range errors {
		source, err := os.ReadFile(filepath.Join("..", "..", e.file))
		if err != nil {
			t.Error(err)
			continue
		}
		text, err := e.in(string(source))
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
		} else if text == string(source) {
			t.Errorf("%s changes nothing", e.name)
		}
		if names[e.name] {
			t.Errorf("%s stands twice", e.name)
		}
		names[e.name] = true
	}
}
