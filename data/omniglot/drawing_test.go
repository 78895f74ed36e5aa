package omniglot

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

// overlap is the length that two intervals share.
func overlap(a, b, c, d float64) float64 { return max(0, min(b, d)-max(a, c)) }

// The areas worked out in floating point, square by square.
func TestShrinkAveragesAreas(t *testing.T) {
	random := rng.New(1, "ink")
	var ink [original][original]bool
	for y := range original {
		for x := range original {
			ink[y][x] = random.Uint32()%3 == 0
		}
	}
	d := shrink(&ink)
	const square = float64(original) / Side
	for i := range Side {
		for j := range Side {
			area := 0.0
			for y := range original {
				down := overlap(float64(y), float64(y+1), float64(i)*square, float64(i+1)*square)
				for x := range original {
					if ink[y][x] {
						area += down * overlap(float64(x), float64(x+1), float64(j)*square, float64(j+1)*square)
					}
				}
			}
			if got, want := float64(d[i*Side+j]), 255*area/square/square; !(math.Abs(got-want) <= 0.5+1e-9) {
				t.Fatalf("pixel %d,%d is %v, want %v", i, j, got, want)
			}
		}
	}
}

func TestShrinkOfOneColour(t *testing.T) {
	var ink [original][original]bool
	if d := shrink(&ink); d != (Drawing{}) {
		t.Error("paper is not 0 all over")
	}
	for y := range original {
		for x := range original {
			ink[y][x] = true
		}
	}
	for i, v := range shrink(&ink) {
		if v != 255 {
			t.Fatalf("pixel %d of an inked page is %d, want 255", i, v)
		}
	}
}

// A drawing turned and shrunk is the drawing shrunk and turned, to the bit.
func TestTurns(t *testing.T) {
	random := rng.New(2, "ink")
	var ink [original][original]bool
	for y := range original {
		for x := range original {
			ink[y][x] = random.Uint32()%4 == 0
		}
	}
	upright := shrink(&ink)
	got, want := make([]float32, Pixels), make([]float32, Pixels)
	for q := range 8 {
		d := shrink(&ink)
		d.Ink(want, 0)
		upright.Ink(got, q)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%d quarters: pixel %d is %v, want %v", q, i, got[i], want[i])
			}
		}
		var turned [original][original]bool // counter-clockwise: the right edge becomes the top
		for y := range original {
			for x := range original {
				turned[y][x] = ink[x][original-1-y]
			}
		}
		ink = turned
	}
}

// By hand: ink at the right end of the first row goes to the left end, to the
// left end of the last row, and to the right end of that.
func TestQuarters(t *testing.T) {
	var d Drawing
	d[Side-1] = 255
	for quarters, at := range []int{Side - 1, 0, (Side - 1) * Side, Pixels - 1} {
		ink := make([]float32, Pixels)
		d.Ink(ink, quarters)
		for i, v := range ink {
			if (v == 1) != (i == at) || v != 0 && v != 1 {
				t.Errorf("%d quarters: pixel %d is %v; want ink at %d alone", quarters, i, v, at)
			}
		}
	}
}

func TestClasses(t *testing.T) {
	a, b := &Character{Name: "a"}, &Character{Name: "b"}
	b.Drawings[3][Side-1] = 255
	classes := Classes([]*Character{a, b})
	if len(classes) != 8 {
		t.Fatalf("%d classes, want 8", len(classes))
	}
	for i, c := range classes {
		if c.Character != []*Character{a, b}[i/4] || c.Quarters != i%4 {
			t.Errorf("class %d is %s turned by %d", i, c.Name, c.Quarters)
		}
	}
	ink := make([]float32, Pixels)
	if classes[5].Image(ink, 3); ink[0] != 1 {
		t.Error("the turned class shows an upright drawing")
	}
}

// Ink is dark, in whatever way the image says so.
func TestDecodeTellsInkFromPaper(t *testing.T) {
	want, err := decode(bar(t, 7))
	if err != nil {
		t.Fatal(err)
	}
	if want[2] == 0 || want[0] != 0 || want[3] != 0 {
		t.Fatalf("the first row of a bar in column 7 is %d", want[:8])
	}
	bounds := image.Rect(0, 0, original, original)
	grey, colour, clear := image.NewGray(bounds), image.NewNRGBA(bounds), image.NewNRGBA(bounds)
	for y := range original {
		for x := range original {
			ink := color.NRGBA{240, 240, 240, 255}
			grey.SetGray(x, y, color.Gray{200})
			if x == 7 {
				ink = color.NRGBA{0, 0, 200, 255}
				grey.SetGray(x, y, color.Gray{100})
				clear.SetNRGBA(x, y, color.NRGBA{0, 0, 0, 255})
			}
			colour.SetNRGBA(x, y, ink)
		}
	}
	for name, img := range map[string]image.Image{"grey": grey, "colour": colour, "transparent": clear} {
		if got, err := decode(encodePNG(t, img)); err != nil || got != want {
			t.Errorf("%s: another drawing, %v", name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	paper := func(x, y int) bool { return false }
	good := bar(t, 1)
	altered := append([]byte(nil), good...)
	altered[len(altered)-20] ^= 1 // in the pixels' checksum
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "is no drawing"},
		{"other kind", []byte("GIF89a, which is no PNG"), "is no drawing: png: invalid format: not a PNG file; want a PNG image"},
		{"narrow", makePNG(t, 104, 105, paper), "is 104 x 105 pixels; want 105 x 105"},
		{"tall", makePNG(t, 105, 106, paper), "is 105 x 106 pixels; want 105 x 105"},
		{"cut", good[:len(good)/2], "is no drawing"},
		{"cut in the header", good[:20], "is no drawing"},
		{"altered", altered, "is no drawing"},
	} {
		if _, err := decode(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
