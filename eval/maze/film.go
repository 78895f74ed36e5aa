package maze

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
)

// The film's length in frames, the time of one in hundredths of a second, and the
// most pixels that its side and a cell's take.
const (
	frames    = 300
	frameTime = 12
	filmSide  = 404
	cellSide  = 20
)

// The film's colours, by index.
const (
	floor = iota
	wall
	goal
	found
	agent
	trail // from here on, fading
)

var palette = color.Palette{
	floor: color.RGBA{0xff, 0xff, 0xff, 0xff},
	wall:  color.RGBA{0x3c, 0x40, 0x48, 0xff},
	goal:  color.RGBA{0xf2, 0xa2, 0x3a, 0xff},
	found: color.RGBA{0x3f, 0xa3, 0x5b, 0xff},
	agent: color.RGBA{0x2f, 0x6f, 0xc4, 0xff},

	color.RGBA{0x9c, 0xbd, 0xe6, 0xff},
	color.RGBA{0xbd, 0xd3, 0xee, 0xff},
	color.RGBA{0xd6, 0xe4, 0xf5, 0xff},
	color.RGBA{0xeb, 0xf2, 0xfa, 0xff},
}

// film returns the beginning of stream 0's path as an animation, a frame a step.
func (w *witness) film() []byte {
	var film gif.GIF
	for t := range min(len(w.path), frames) {
		film.Image = append(film.Image, w.frame(t))
		film.Delay = append(film.Delay, frameTime)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &film); err != nil {
		panic(err) // frames of one size in one palette, to memory
	}
	return b.Bytes()
}

func (w *witness) frame(t int) *image.Paletted {
	n := w.env.rules.Size
	cellSize := min(cellSide, filmSide/n)
	img := image.NewPaletted(image.Rect(0, 0, n*cellSize, n*cellSize), palette)
	paint := func(cell, colour, margin int) {
		x, y := cell%n*cellSize, cell/n*cellSize
		r := image.Rect(x+margin, y+margin, x+cellSize-margin, y+cellSize-margin)
		draw.Draw(img, r, image.NewUniform(palette[colour]), image.Point{}, draw.Src)
	}
	for cell, is := range w.env.wall {
		if is {
			paint(cell, wall, 0)
		}
	}
	place := goal
	if w.path[t].reward > 0 {
		place = found
	}
	paint(w.goal, place, 0)
	for back := len(palette) - trail; back > 0; back-- { // the oldest first
		if s := t - back; s >= 0 && !w.teleported(s, t) {
			paint(w.path[s].cell, trail+back-1, cellSize/5)
		}
	}
	paint(w.path[t].cell, agent, cellSize*3/20)
	return img
}

// teleported reports whether stream 0 was moved after step s and up to step t.
func (w *witness) teleported(s, t int) bool {
	for _, m := range w.path[s+1 : t+1] {
		if m.reward > 0 {
			return true
		}
	}
	return false
}
