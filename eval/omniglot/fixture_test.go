package omniglot

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/rng"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// size of an official drawing, and how many characters there are to be.
const (
	size     = 105
	invented = 40
)

// folder returns one with the two small zips, of invented characters.
func folder(t *testing.T) string {
	t.Helper()
	zips := invent()
	dir := t.TempDir()
	for name, b := range zips {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o666))
	}
	return dir
}

// characters are the invented ones; the last eight are held out.
func characters(t *testing.T) (train, test []*omniglot.Character) {
	t.Helper()
	set, err := omniglot.Open(folder(t), "")
	must(t, err)
	return set.Characters[:invented-8], set.Characters[invented-8:]
}

// invent draws characters of three strokes, each drawing with another hand.
var invent = sync.OnceValue(func() map[string][]byte {
	r := rng.New(1, "characters")
	zips := map[string][]byte{}
	for part, name := range []string{"images_background_small1.zip", "images_background_small2.zip"} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for c := range invented / 2 {
			var strokes [3][4]float64
			for i := range strokes {
				for j := range strokes[i] {
					strokes[i][j] = r.Uniform(12, size-12)
				}
			}
			for d := range omniglot.Drawings {
				img := image.NewGray(image.Rect(0, 0, size, size))
				for i := range img.Pix {
					img.Pix[i] = 255
				}
				for _, s := range strokes {
					for i := range s {
						s[i] += r.Uniform(-5, 5)
					}
					for i := range 200 {
						at := float64(i) / 200
						x, y := int(s[0]+at*(s[2]-s[0])), int(s[1]+at*(s[3]-s[1]))
						for k := range 9 {
							img.SetGray(x+k%3, y+k/3, color.Gray{})
						}
					}
				}
				f, err := w.Create(fmt.Sprintf("images/Alphabet_%d/character%02d/%04d_%02d.png", part, c+1, c+1, d+1))
				if err != nil {
					panic(err)
				}
				if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, img); err != nil {
					panic(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		zips[name] = b.Bytes()
	}
	return zips
})
