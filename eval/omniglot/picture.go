package omniglot

import (
	"image"
	"image/color"
	"image/draw"
	"strconv"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/montage"
	"github.com/engram-lm/engram/internal/study"
)

// answered is a test episode with a model's outputs.
type answered struct {
	episode
	y []float32 // [Ways]
}

// A row of the picture has at most so many tiles, and there are about so many rows.
const (
	maxTiles = 12
	maxRows  = 8
)

// pictured is how many episodes are shown.
func pictured(s *settings) int { return max(1, maxRows/rowsOf(s.steps()+1)) }

// rowsOf is how many rows so many tiles fill.
func rowsOf(tiles int) int { return (tiles + maxTiles - 1) / maxTiles }

// picture shows episodes: each the labelled drawings, the test drawing, and the
// outputs.
func picture(shown []answered) (study.Picture, error) {
	var rows [][]image.Image
	for _, a := range shown {
		var tiles []image.Image
		for i, s := range a.episode {
			name := strconv.Itoa(s.label + 1)
			if i == len(a.episode)-1 {
				name = "?"
			}
			tiles = append(tiles, tile(name, grey, s.picture()))
		}
		tiles = append(tiles, a.outputs())
		for len(tiles) > maxTiles {
			rows, tiles = append(rows, tiles[:maxTiles]), tiles[maxTiles:]
		}
		rows = append(rows, tiles)
	}
	b, err := montage.PNG(rows, 2, 6)
	return study.Picture{
		Title: "Characters learned from one example", File: "episodes.png", Image: b,
		Caption: "The first held-out episodes. Under each drawing that the network is shown stands its label; then comes the test drawing, and last how strongly the network answers each label, over its answer: on green if it is right, on red if not.",
	}, err
}

// A tile is a square picture over a strip with a name on it.
const strip = 9 // pixels

var (
	grey  = color.NRGBA{110, 110, 110, 255}
	green = color.NRGBA{0, 120, 60, 255}
	red   = color.NRGBA{180, 30, 30, 255}
)

func tile(name string, ground color.NRGBA, square image.Image) image.Image {
	const side = omniglot.Side
	m := image.NewNRGBA(image.Rect(0, 0, side, side+strip))
	draw.Draw(m, image.Rect(0, 0, side, side), square, square.Bounds().Min, draw.Src)
	draw.Draw(m, image.Rect(0, side, side, side+strip), image.NewUniform(ground), image.Point{}, draw.Src)
	x := (side - 4*len(name) + 1) / 2
	for _, c := range name {
		for i, lit := range glyphs[c] {
			if lit == '#' {
				m.Set(x+i%3, side+2+i/3, color.White)
			}
		}
		x += 4
	}
	return m
}

// picture is the drawing as ink on paper.
func (s showing) picture() image.Image {
	ink := make([]float32, omniglot.Pixels)
	s.Image(ink, s.drawing)
	return montage.Grey(ink, omniglot.Side, 1, 0)
}

// outputs is a bar a class, upright, over the class that the network answers.
func (a answered) outputs() image.Image {
	const side = omniglot.Side
	m := image.NewNRGBA(image.Rect(0, 0, side, side))
	draw.Draw(m, m.Rect, image.NewUniform(color.NRGBA{235, 235, 235, 255}), image.Point{}, draw.Src)
	for j, y := range a.y {
		lo, hi := j*side/len(a.y), (j+1)*side/len(a.y)
		if hi-lo > 2 {
			hi-- // a gap
		}
		top := side - int(y*side+0.5)
		draw.Draw(m, image.Rect(lo, top, hi, side), image.NewUniform(grey), image.Point{}, draw.Src)
	}
	ground := red
	if a.right(a.y) {
		ground = green
	}
	return tile(strconv.Itoa(best(a.y)+1), ground, m)
}

// glyphs are 3x5 pixels each, row by row.
var glyphs = map[rune]string{
	'0': "####.##.##.####",
	'1': ".#.##..#..#.###",
	'2': "###..#####..###",
	'3': "###..####..####",
	'4': "#.##.####..#..#",
	'5': "####..###..####",
	'6': "####..####.####",
	'7': "###..#..#.#..#.",
	'8': "####.#####.####",
	'9': "####.####..####",
	'?': "###..#.##....#.",
}
