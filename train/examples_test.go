package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every example of the help text runs, one after the other in a folder, so that what
// one makes is there for the next; but for sizes that take no time, and with a
// corpus of some words in the place of the sample.
func TestExamples(t *testing.T) {
	t.Parallel()
	first := command(t)
	dir, cache := first.Dir, t.TempDir()
	must(t, os.CopyFS(filepath.Join(dir, "my/corpus"), os.DirFS(folder(lstmCase, "corpus"))))
	text := ""
	for _, split := range []string{"train", "valid", "test"} {
		text += read(t, folder(lstmCase, "corpus"), split+".txt")
	}
	write(t, filepath.Join(dir, "my/letters.txt"), strings.ReplaceAll(text, " ", "\n"))
	ptb := filepath.Join(dir, "data/sets/ptb")
	ran := 0
	for line := range strings.SplitSeq(examples, "\n") {
		line = strings.TrimSpace(line)
		args, ok := strings.CutPrefix(line, "go run ./train")
		if !ok {
			if line != "" && !strings.HasPrefix(line, "#") {
				t.Errorf("an example that is no command: %s", line)
			}
			continue
		}
		ran++
		small := []string{"--hidden", "4", "--batch", "3", "--bptt", "5", "--steps", "3"}
		if !strings.Contains(args, "--data") && !strings.Contains(args, "ptb") && !strings.Contains(args, "--resume") {
			small = append([]string{"--data", "my/corpus"}, small...)
		}
		switch {
		case args == "": // as on the sample
			small = append(small, "--out", "runs/sample-1")
		case strings.Contains(args, "ptb-small"):
			must(t, os.MkdirAll(ptb, 0o777))
			for _, split := range []string{"train", "valid", "test"} {
				write(t, filepath.Join(ptb, "ptb."+split+".txt"), read(t, folder(lstmCase, "corpus"), split+".txt"))
			}
		case strings.Contains(args, "--resume"): // a run that stopped before its last model was scored
			must(t, os.Remove(filepath.Join(dir, "runs/sample-1/retroactive-seed1", resultFile)))
			small = nil
		case strings.Contains(args, "--init"):
			small = append(small[:2], small[4:]...) // all but --hidden
		}
		c := command(t, append(append(strings.Fields(args), small...), "--cache", cache)...)
		c.Dir = dir
		if _, errs, status := finish(t, c); status != 0 {
			t.Errorf("%s: status %d: %s", line, status, errs)
		}
		must(t, os.RemoveAll(ptb)) // the next is again of one who has not fetched it
	}
	if ran < 7 {
		t.Errorf("%d examples", ran)
	}
}
