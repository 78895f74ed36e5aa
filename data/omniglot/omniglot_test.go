package omniglot

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func names(characters []*Character) (list []string) {
	for _, c := range characters {
		list = append(list, c.Alphabet+"/"+c.Name)
	}
	return list
}

func TestOpen(t *testing.T) {
	greek := append(letter(t, "Greek", 1, 10), letter(t, "Greek", 2, 40)...)
	latin := append([]file{{"root/", nil}, {"__MACOSX/root/x", []byte("x")}, {"root/.DS_Store", nil}}, letter(t, "Early_Latin_(old)", 1, 70)...)
	first, second := makeZip(t, 8, shuffled(slices.Concat(greek, latin))), makeZip(t, 0, append(letter(t, "Greek", 2, 40), letter(t, "Zulu", 10, 3)...))
	for _, layout := range layouts {
		dir := folder(t, map[string][]byte{layout[0]: first, layout[1]: second, "all_runs.zip": []byte("x")})
		s, err := Open(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"Early_Latin_(old)/character01", "Greek/character01", "Greek/character02", "Zulu/character10"}
		if got := names(s.Characters); !slices.Equal(got, want) || s.Dir != dir || s.Name != filepath.Base(dir) {
			t.Fatalf("%s in %s: %q, want %q", s.Name, s.Dir, got, want)
		}
		for i, seed := range []int{70, 10, 40, 3} {
			for j, d := range s.Characters[i].Drawings {
				want, err := decode(bar(t, seed+j))
				if err != nil || d != want {
					t.Errorf("drawing %d of %s is another one, %v", j, names(s.Characters)[i], err)
				}
			}
		}
	}
}

// The whole set goes before the small one, and half a set is none.
func TestLayouts(t *testing.T) {
	a, b := makeZip(t, 8, letter(t, "A", 1, 1)), makeZip(t, 8, letter(t, "B", 1, 2))
	c := makeZip(t, 8, letter(t, "C", 1, 3))
	for _, l := range []struct {
		files map[string][]byte
		want  string // the alphabets, or part of the error
	}{
		{map[string][]byte{layouts[0][0]: a, layouts[0][1]: b, layouts[1][0]: c, layouts[1][1]: c}, "AB"},
		{map[string][]byte{layouts[0][0]: a, layouts[1][0]: b, layouts[1][1]: c}, "BC"},
		{map[string][]byte{layouts[0][0]: a}, "images_evaluation.zip: is missing: want images_background.zip and"},
		{map[string][]byte{layouts[1][0]: a}, "images_background_small2.zip: is missing"},
		{map[string][]byte{layouts[0][1]: a}, "images_background.zip: is missing"},
		{nil, "images_background.zip: is missing"},
	} {
		s, err := Open(folder(t, l.files), "")
		if err != nil {
			if !strings.Contains(err.Error(), l.want) {
				t.Errorf("error %v, want one with %q", err, l.want)
			}
			continue
		}
		got := ""
		for _, c := range s.Characters {
			got += c.Alphabet
		}
		if got != l.want {
			t.Errorf("alphabets %q, want %q", got, l.want)
		}
	}
}

func TestZipsMustAgree(t *testing.T) {
	dir := folder(t, map[string][]byte{
		layouts[1][0]: makeZip(t, 8, letter(t, "Greek", 1, 10)),
		layouts[1][1]: makeZip(t, 8, letter(t, "Greek", 1, 11)),
	})
	_, err := Open(dir, "")
	wantBad(t, "two Greek letters", err, "images_background_small2.zip: Greek/character01: is drawn otherwise than in the zip beside it")
}

func numbered(n int) *Set {
	s := new(Set)
	for i := range n {
		s.Characters = append(s.Characters, &Character{Alphabet: "A", Name: fmt.Sprintf("character%04d", i)})
	}
	return s
}

// Every character is on one side, and in the set's order; the same seed gives
// the same split, and another one another.
func TestSplit(t *testing.T) {
	for n, held := range map[int]int{1623: 100, 242: 42, 10: 2, 4: 0} {
		s := numbered(n)
		if got := s.HeldOut(); got != held {
			t.Errorf("%d of %d held out, want %d", got, n, held)
		}
		train, test := s.Split(held, 1)
		if len(train) != n-held || len(test) != held {
			t.Errorf("%d characters split into %d and %d", n, len(train), len(test))
		}
		for _, part := range [][]*Character{train, test} {
			if !slices.IsSortedFunc(part, compare) {
				t.Errorf("a part of %d characters is not in order", n)
			}
		}
		both := slices.Concat(train, test)
		slices.SortFunc(both, compare)
		if !slices.Equal(both, s.Characters) {
			t.Errorf("the parts of %d characters are not the whole", n)
		}
		again, _ := s.Split(held, 1)
		other, _ := s.Split(held, 2)
		if !slices.Equal(train, again) {
			t.Error("the same seed gave another split")
		}
		if held > 2 && slices.Equal(train, other) {
			t.Error("another seed gave the same split")
		}
	}
	// Fixed for good: results name the seed.
	_, test := numbered(10).Split(3, 1)
	if got, want := strings.Join(names(test), " "), "A/character0002 A/character0007 A/character0008"; got != want {
		t.Errorf("seed 1 holds out %s, want %s", got, want)
	}
}

// The real drawings, where they are at hand.
func TestSmallOmniglot(t *testing.T) {
	sets := filepath.Join("..", "sets")
	if _, err := os.Stat(filepath.Join(sets, "omniglot-small")); err != nil {
		t.Logf("NOT READ: data/sets/omniglot-small is not there; scripts/download omniglot-small fetches it")
		return
	}
	s, err := Open("omniglot-small", sets)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Characters) != 242 || s.HeldOut() != 42 {
		t.Fatalf("%d characters, %d to hold out; want 242 and 42", len(s.Characters), s.HeldOut())
	}
	alphabets := make(map[string]int)
	ink, seen := 0.0, make(map[Drawing]string)
	for _, c := range s.Characters {
		alphabets[c.Alphabet]++
		for i, d := range c.Drawings {
			name := fmt.Sprintf("%s/%s/%d", c.Alphabet, c.Name, i)
			if other := seen[d]; other != "" {
				t.Errorf("%s is drawn just like %s", name, other)
			}
			seen[d] = name
			for _, v := range d {
				ink += float64(v) / 255 / Pixels / float64(len(s.Characters)*Drawings)
			}
		}
	}
	want := map[string]int{"Balinese": 24, "Early_Aramaic": 22, "Greek": 24, "Japanese_(katakana)": 47, "Korean": 40, "Latin": 26, "Sanskrit": 42, "Tagalog": 17}
	if fmt.Sprint(alphabets) != fmt.Sprint(want) {
		t.Errorf("characters an alphabet: %v, want %v", alphabets, want)
	}
	if ink < 0.02 || ink > 0.1 {
		t.Errorf("ink covers %.3f of a drawing on average; want some hundredths, being lines", ink)
	}
}
