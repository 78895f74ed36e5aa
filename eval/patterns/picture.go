package patterns

import (
	"image"
	"image/color"
	"math"

	"github.com/engram-lm/engram/internal/montage"
	"github.com/engram-lm/engram/internal/study"
)

// recalled is a test episode with what a model made of it.
type recalled struct {
	episode
	y []float32
}

// pictured is how many test episodes are shown.
const pictured = 3

// The colours of bits.
var (
	one   = color.NRGBA{240, 240, 236, 255}
	minus = color.NRGBA{38, 44, 52, 255}
	gone  = color.NRGBA{150, 155, 160, 255}
	bad   = color.NRGBA{214, 40, 40, 255}
)

// draw shows the first test episodes: a row each, with the pattern, what was left
// of it, and what came back, wrong bits red.
func draw(shown []recalled) (study.Picture, error) {
	var rows [][]image.Image
	scale := 4
	for _, r := range shown {
		width := int(math.Ceil(math.Sqrt(float64(len(r.target)) * 1.6)))
		scale = max(2, min(16, 200/width))
		whole, probe, back := canvas(len(r.target), width), canvas(len(r.target), width), canvas(len(r.target), width)
		for i, v := range r.target {
			x, y := i%width, i/width
			whole.Set(x, y, sign(v))
			probe.Set(x, y, sign(v))
			back.Set(x, y, sign(r.y[i]))
			if r.zeroed[i] {
				probe.Set(x, y, gone)
				if !(r.y[i]*v > 0) {
					back.Set(x, y, bad)
				}
			}
		}
		rows = append(rows, []image.Image{whole, probe, back})
	}
	b, err := montage.PNG(rows, scale, 16)
	return study.Picture{
		Title: "Patterns completed", File: "completed.png", Image: b,
		Caption: "The first held-out episodes. Left: the pattern, a bit a square. Middle: what the network is shown of it, grey squares being zeroed. Right: the signs of its outputs; red where a zeroed bit comes back wrong.",
	}, err
}

func canvas(bits, width int) *image.NRGBA {
	return image.NewNRGBA(image.Rect(0, 0, width, (bits+width-1)/width))
}

func sign(v float32) color.Color {
	if v > 0 {
		return one
	}
	return minus
}
