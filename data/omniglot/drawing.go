package omniglot

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
)

const (
	// Side is a drawing's height and width.
	Side = 31
	// Pixels of a drawing.
	Pixels = Side * Side

	original = 105 // height and width in the zips
)

// Drawing is a drawing of a character, row by row: how much of each pixel ink
// covers, in 255ths.
type Drawing [Pixels]uint8

// Ink writes the drawing to dst [Pixels] as the network sees it, turned
// counter-clockwise by so many quarters: 1 is ink, 0 is paper. (The published
// code has them the other way round.)
func (d *Drawing) Ink(dst []float32, quarters int) {
	// Where the first pixel comes from, and how far on the next ones of a row and of
	// a column lie.
	const last = Side - 1
	turn := [4]struct{ first, right, down int }{
		{0, 1, Side}, {last, Side, -1}, {last*Side + last, -1, -Side}, {last * Side, -Side, 1},
	}[quarters&3]
	dst = dst[:Pixels]
	for y := range Side {
		from := turn.first + y*turn.down
		row := dst[y*Side:][:Side]
		for x := range row {
			row[x] = shades[d[from+x*turn.right]]
		}
	}
}

// shades are all shares of a pixel: an episode has thousands of them to divide.
var shades = func() (s [256]float32) {
	for i := range s {
		s[i] = float32(i) / 255
	}
	return s
}()

// Class is what an episode tells apart: a character turned by quarters. An
// upright character and its turns are classes of their own.
type Class struct {
	*Character
	Quarters int // 0 to 3, counter-clockwise
}

// Classes returns the four classes of each character, character by character.
func Classes(characters []*Character) []Class {
	classes := make([]Class, 0, 4*len(characters))
	for _, c := range characters {
		for q := range 4 {
			classes = append(classes, Class{c, q})
		}
	}
	return classes
}

// Image writes one of the class's drawings to dst [Pixels]; see Drawing.Ink.
func (c Class) Image(dst []float32, drawing int) { c.Drawings[drawing].Ink(dst, c.Quarters) }

// decode makes a drawing of a PNG file, whose size it checks before it asks for
// the pixels' memory.
func decode(file []byte) (d Drawing, err error) {
	config, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return d, fmt.Errorf("is no drawing: %v; want a PNG image", err)
	}
	if config.Width != original || config.Height != original {
		return d, fmt.Errorf("is %d x %d pixels; want %d x %d", config.Width, config.Height, original, original)
	}
	img, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return d, fmt.Errorf("is no drawing: %v; want a PNG image", err)
	}
	return shrink(inked(img)), nil
}

// inked tells ink, which is dark, from paper.
func inked(img image.Image) *[original][original]bool {
	ink := new([original][original]bool)
	if grey, ok := img.(*image.Gray); ok { // which the official drawings are
		for y := range original {
			for x, v := range grey.Pix[y*grey.Stride:][:original] {
				ink[y][x] = v < 128
			}
		}
		return ink
	}
	at := img.Bounds().Min
	for y := range original {
		for x := range original {
			r, g, b, a := img.At(at.X+x, at.Y+y).RGBA()
			ink[y][x] = r+g+b+3*(0xffff-a) < 3<<15 // what shows through is paper
		}
	}
	return ink
}

// shrink averages over areas: each pixel becomes the share of its square that is
// inked. The sizes do not divide (105 / 31 = 3.39 pixels), so the squares share
// pixels, in 31sts; sums are whole numbers and exact, and a drawing turned and
// shrunk is the drawing shrunk and turned. (A box filter of that kind is not in
// the standard library, and is too little to add a dependency for.)
func shrink(ink *[original][original]bool) (d Drawing) {
	// Columns first: along[y][i] sums row y over square i, in 31sts of a pixel.
	var along [original][Side]int
	for y := range ink {
		for x, inked := range ink[y] {
			if !inked {
				continue
			}
			on := squares[x]
			along[y][on.first] += on.there
			if on.next > 0 {
				along[y][on.first+1] += on.next
			}
		}
	}
	const whole = original * original // a square that is all ink
	var sums [Pixels]int
	for y := range along {
		on := squares[y]
		for i, v := range along[y] {
			sums[on.first*Side+i] += on.there * v
			if on.next > 0 {
				sums[(on.first+1)*Side+i] += on.next * v
			}
		}
	}
	for i, v := range sums {
		d[i] = uint8((255*v + whole/2) / whole)
	}
	return d
}

// squares tells of each row or column of pixels on which row or column of
// squares it lies, how many of its 31sts are there, and how many on the next.
var squares = func() (on [original]struct{ first, there, next int }) {
	for p := range on {
		first := p * Side / original
		next := max(0, (p+1)*Side-(first+1)*original)
		on[p].first, on[p].there, on[p].next = first, Side-next, next
	}
	return on
}()
