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
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

// file of a zip to be made.
type file struct {
	name    string
	content []byte
}

func makeZip(t testing.TB, method uint16, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		out, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// makePNG draws in 1 bit, as the official drawings are.
func makePNG(t testing.TB, width, height int, ink func(x, y int) bool) []byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.Black})
	for y := range height {
		for x := range width {
			if ink(x, y) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return encodePNG(t, img)
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bar is an upright bar whose place tells drawings apart.
func bar(t testing.TB, n int) []byte {
	n %= original
	if bars[n] == nil {
		bars[n] = makePNG(t, original, original, func(x, y int) bool { return x == n })
	}
	return slices.Clone(bars[n])
}

// bars are those made so far, because the encoder is slow.
var bars [original][]byte

// letter is a character's 20 drawings; its seed makes them distinct.
func letter(t testing.TB, alphabet string, number, seed int) (files []file) {
	for i := range Drawings {
		files = append(files, file{fmt.Sprintf("root/%s/character%02d/%04d_%02d.png", alphabet, number, seed, i+1), bar(t, seed+i)})
	}
	return files
}

// shuffled returns the files in another order.
func shuffled(files []file) []file {
	rng.New(1, "files").Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	return files
}

// folder of zips.
func folder(t testing.TB, zips map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range zips {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
