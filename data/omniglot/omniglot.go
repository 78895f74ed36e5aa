// Package omniglot reads Omniglot (Lake, Salakhutdinov, Tenenbaum 2015) from
// its official zips: handwritten characters of many alphabets, each drawn once
// by 20 people. It yields the 31x31 drawings of the one-shot classification task
// (Miconi, Clune, Stanley 2018, section 4.4), splits them by character, and
// turns each character by quarters into four classes.
package omniglot

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/rng"
)

// Names are the registered sets that Open reads, the first being the better.
var Names = []string{"omniglot", "omniglot-small"}

// layouts are the zips that a set is made of, in the order in which they are
// looked for. The small ones hold parts of the first.
var layouts = [][]string{
	{"images_background.zip", "images_evaluation.zip"},
	{"images_background_small1.zip", "images_background_small2.zip"},
}

// Drawings of a character.
const Drawings = 20

// Set is an opened set.
type Set struct {
	Name string // the registered name, or the folder's
	Dir  string

	// Characters are distinct, and ordered by alphabet and name.
	Characters []*Character
}

// Character is a letter of an alphabet, as 20 people drew it.
type Character struct {
	Alphabet string // such as "Greek"
	Name     string // such as "character01"
	Drawings [Drawings]Drawing
}

// compare orders characters.
func compare(a, b *Character) int {
	return cmp.Or(cmp.Compare(a.Alphabet, b.Alphabet), cmp.Compare(a.Name, b.Name))
}

// Open opens a set: a registered one by its name (under setsDir; empty is
// data/sets of the working directory); a folder of the two official zips, or of
// the two small ones; or, named by the empty string, the first of Names that
// has been fetched. The zips are read where they are and not unpacked.
//
// Errors are a *registry.NotFoundError for a name that means nothing, a
// *badfile.Error for a file that is missing or damaged, and those of the disk.
func Open(nameOrDir, setsDir string) (*Set, error) {
	dir, err := registry.Locate(nameOrDir, setsDir, Names...)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir) // what "." is called
	if err != nil {
		return nil, err
	}
	zips, err := findLayout(dir)
	if err != nil {
		return nil, err
	}
	s := &Set{Name: filepath.Base(abs), Dir: dir}
	for _, path := range zips {
		characters, err := readFile(path)
		if err != nil {
			return nil, err
		}
		if s.Characters, err = merge(s.Characters, characters, path); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// findLayout returns the zips of the first layout that dir has both of.
func findLayout(dir string) ([]string, error) {
	missing := filepath.Join(dir, layouts[0][0])
	for _, layout := range layouts {
		var have []string
		for _, name := range layout {
			path := filepath.Join(dir, name)
			switch _, err := os.Stat(path); {
			case err == nil:
				have = append(have, path)
			case !errors.Is(err, fs.ErrNotExist):
				return nil, err
			case len(have) > 0:
				missing = path
			}
		}
		if len(have) == len(layout) {
			return have, nil
		}
	}
	return nil, badfile.New(missing, "", "is missing: want %s and %s, or %s and %s, in that folder",
		layouts[0][0], layouts[0][1], layouts[1][0], layouts[1][1])
}

// merge adds the characters of the zip at path. The two small zips share 50
// characters, which must be the same in both.
func merge(to, characters []*Character, path string) ([]*Character, error) {
	all := slices.Concat(to, characters)
	slices.SortStableFunc(all, compare)
	kept := all[:0]
	for _, c := range all {
		if n := len(kept); n == 0 || compare(kept[n-1], c) != 0 {
			kept = append(kept, c)
		} else if kept[n-1].Drawings != c.Drawings {
			return nil, badfile.New(path, c.Alphabet+"/"+c.Name, "is drawn otherwise than in the zip beside it; want the same drawings in both")
		}
	}
	return kept, nil
}

// HeldOut returns how many characters to hold out for testing: 100 of the 1,623
// as the paper does; of the 242 of the small zips 42, which leaves 200 to train
// with; of any other number a fifth.
func (s *Set) HeldOut() int {
	switch n := len(s.Characters); n {
	case 1623:
		return 100
	case 242:
		return 42
	default:
		return n / 5
	}
}

// Split holds out some of the characters, with all their drawings, and returns
// the others as train; both in the order of s.Characters. The same seed gives
// the same split. It panics unless 0 <= held <= len(s.Characters).
func (s *Set) Split(held int, seed uint64) (train, test []*Character) {
	out := make([]bool, len(s.Characters))
	for _, i := range rng.New(seed, "omniglot split").Perm(len(out))[:held] {
		out[i] = true
	}
	for i, c := range s.Characters {
		if out[i] {
			test = append(test, c)
		} else {
			train = append(train, c)
		}
	}
	return train, test
}

// Digest returns the SHA-256 of the characters of all parts and their drawings, in
// hexadecimal digits.
func Digest(parts ...[]*Character) string {
	h := sha256.New()
	for _, part := range parts {
		for _, c := range part {
			fmt.Fprintf(h, "%q %q", c.Alphabet, c.Name)
			for i := range c.Drawings {
				h.Write(c.Drawings[i][:])
			}
		}
		fmt.Fprintln(h)
	}
	return hex.EncodeToString(h.Sum(nil))
}
