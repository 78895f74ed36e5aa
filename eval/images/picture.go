package images

import (
	"image"
	"image/color"

	"github.com/engram-lm/engram/internal/montage"
	"github.com/engram-lm/engram/internal/study"
)

// completed is a test episode with what a model drew.
type completed struct {
	episode
	y []float32
}

// pictured is how many test episodes are shown, two in a row.
const pictured = 8

// nothing is the colour of an erased half.
var nothing = color.NRGBA{196, 214, 228, 255}

// draw shows the first test episodes: each the image, what was left of it, and it
// completed.
func draw(shown []completed, side int) (study.Picture, error) {
	var rows [][]image.Image
	for i, c := range shown {
		half := image.NewNRGBA(image.Rect(0, 0, side, side))
		whole := montage.Grey(c.target, side, -1, 1)
		for p := range c.target {
			half.Set(p%side, p/side, whole.At(p%side, p/side))
		}
		top := 0
		if c.lower {
			top = side / 2
		}
		for p := range side * side / 2 {
			half.Set(p%side, top+p/side, nothing)
		}
		three := []image.Image{whole, half, montage.Grey(c.y, side, -1, 1)}
		if i%2 == 0 {
			rows = append(rows, three)
		} else {
			rows[len(rows)-1] = append(append(rows[len(rows)-1], nil), three...)
		}
	}
	b, err := montage.PNG(rows, max(1, 96/side), 8)
	return study.Picture{
		Title: "Images completed", File: "completed.png", Image: b,
		Caption: "The first held-out episodes, two in a row. Each: the image, what the network is shown of it, and what it completes it to.",
	}, err
}
