package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// writeCorpus makes a small corpus, the same each time: sentences that walk
// along a line of words, mostly forward.
func writeCorpus(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	const types = 40
	random := rand.New(rand.NewPCG(4, 4))
	for _, split := range []struct {
		name  string
		lines int
	}{{"train.txt", 60}, {"valid.txt", 20}, {"test.txt", 20}} {
		var b strings.Builder
		word := 0
		if split.name == "train.txt" {
			for w := range types { // each is known
				fmt.Fprintf(&b, "w%d ", w)
			}
		}
		for range split.lines {
			for range 5 + random.IntN(10) {
				word = (word + 1 + random.IntN(3)*random.IntN(3)) % types
				fmt.Fprintf(&b, "w%d ", word)
			}
			b.WriteByte('\n')
		}
		if err := os.WriteFile(filepath.Join(dir, split.name), []byte(b.String()), 0o666); err != nil {
			return err
		}
	}
	return nil
}
