package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The committed corpus is what the program makes today. Distributions of Go
// without the source text, or with another edition of it, have nothing to
// compare with, and say so.
func TestCommittedSampleIsReproduced(t *testing.T) {
	path, err := sourcePath()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("NOT COMPARED: this Go distribution lacks %s", path)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(source)); sum != sourceSHA256 {
		t.Logf("NOT COMPARED: %s is another text, with the SHA-256 %s", path, sum)
		return
	}
	dir := filepath.Join("..", "..", "data", "sample")
	made := makeCorpus(string(source))
	for _, split := range splits {
		committed, err := os.ReadFile(filepath.Join(dir, split+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		// A checkout may have turned the line ends into its system's.
		if strings.ReplaceAll(string(committed), "\r\n", "\n") != made.text(split) {
			t.Errorf("%s.txt is not what go run ./scripts/sample makes", split)
		}
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(made.summary()) {
		if !strings.Contains(string(readme), strings.TrimSpace(line)) {
			t.Errorf("README.md lacks the line %q", line)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"The Sun's Light is white. It's not red.", []string{"the sun 's light is white", "it 's not red"}},
		{"Is it so? 'Tis so: For 'twas so, tho' others doubt; and so on.", []string{"is it so", "'t is so", "for 't was so tho' others doubt and so on"}},
		{"the 1/89000th Part of an Inch, or 77-1/8 to 50.", []string{"the N part of an inch or N to N"}},
		{"by Prop. 1. Part 2. it is. See Fig. 3. Then look, &c. And &c. with it", []string{"by prop. N part N it is", "see fig. N then look &c.", "and &c. with it"}},
		{"at the Point A. Then the Bodies' Parts--mix'd", []string{"at the point a", "then the bodies ' parts mix'd"}},
		{"an Object-glass of 2 deg. 0´. 7´´. For the Æther", []string{"an object-glass of N deg. N N", "for the æther"}},
		{`he said, "MC is MCq/NGq × 3."`, []string{"he said mc is mcq ngq N"}},
	} {
		var got []string
		for _, s := range sentences(c.text) {
			got = append(got, strings.Join(s, " "))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestParagraphsLeaveOutTheApparatus(t *testing.T) {
	source := `The title

THE FIRST BOOK OF OPTICKS

_PART II._

_DEFINITIONS_

_PROP._ VII. THEOR. V.

_All Colours_ [in _Fig._ 3.] of the[A] Rays
are [Greek: ab] seen.

[Illustration: FIG. 1.]

 a | 1
 b | 2

FOOTNOTES:

[A] See below.

THIRD BOOK

_PART I._

_Qu._ 9. Is not Fire hot?

_Exper._ 3 Look again.
`
	want := []paragraph{
		{chapter{"I", "II", "VII"}, "All Colours  of the Rays are ab seen."},
		{chapter{"III", "I", "9"}, "Is not Fire hot?"},
		{chapter{"III", "I", "9"}, "Look again."},
	}
	if diff := cmp.Diff(want, paragraphs(source), cmp.AllowUnexported(paragraph{}, chapter{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRareWordsAreDecidedByTrain(t *testing.T) {
	c := makeCorpus("THE FIRST BOOK OF OPTICKS\n\n_PART II._\n\nLight is light indeed. Rays is light here.\n\n" +
		"_PROP._ VII. x.\n\nHere light is light here.")
	want := corpus{
		"train": {{"light", "is", "light", "<unk>"}, {"<unk>", "is", "light", "<unk>"}},
		"valid": {{"<unk>", "light", "is", "light", "<unk>"}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
