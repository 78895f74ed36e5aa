// Command sample makes the embedded sample corpus, data/sample, from Isaac
// Newton's Opticks (1730), which the Go distribution carries as the Project
// Gutenberg's text. Run it in the repository's root:
//
//	go run ./scripts/sample
//
// The same source gives the same bytes; data/sample/README.md tells the steps.
package main

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/internal/atomicfile"
)

// sourceSHA256 is of the text that the committed corpus was made from.
const sourceSHA256 = "d4a9ac22462b35e7821a4f2706c211093da678620a8f9997989ee7cf8d507bbd"

func main() {
	out := flag.String("out", filepath.Join("data", "sample"), "the folder of train.txt, valid.txt and test.txt")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "sample: unexpected argument %q; --help shows the flags\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	path, err := sourcePath()
	if err != nil {
		return err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(source)); sum != sourceSHA256 {
		return fmt.Errorf("%s has the SHA-256 %s; want %s, the text of Go 1.26", path, sum, sourceSHA256)
	}
	corpus := makeCorpus(string(source))
	for _, split := range splits {
		err := atomicfile.WriteBytes(filepath.Join(out, split+".txt"), []byte(corpus.text(split)))
		if err != nil {
			return err
		}
	}
	fmt.Print(corpus.summary())
	return nil
}

// sourcePath asks the go command where its distribution lies.
func sourcePath() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src", "testdata", "Isaac.Newton-Opticks.txt"), nil
}
