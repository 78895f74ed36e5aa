// Package montage sets small pictures side by side, for the reports of learning tasks.
package montage

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// PNG sets pictures in rows, each of their pixels scale pixels wide, gap pixels
// apart on nothing, and returns a PNG. A nil picture leaves its place empty.
func PNG(rows [][]image.Image, scale, gap int) ([]byte, error) {
	var cell image.Point
	columns := 0
	for _, row := range rows {
		columns = max(columns, len(row))
		for _, m := range row {
			if m != nil {
				cell.X, cell.Y = max(cell.X, m.Bounds().Dx()), max(cell.Y, m.Bounds().Dy())
			}
		}
	}
	cell = cell.Mul(scale)
	all := image.NewNRGBA(image.Rect(0, 0, columns*(cell.X+gap)-gap, len(rows)*(cell.Y+gap)-gap))
	for i, row := range rows {
		for j, m := range row {
			if m == nil {
				continue
			}
			corner := image.Pt(j*(cell.X+gap), i*(cell.Y+gap))
			b := m.Bounds()
			for y := range b.Dy() {
				for x := range b.Dx() {
					at := image.Rect(x*scale, y*scale, (x+1)*scale, (y+1)*scale).Add(corner)
					draw.Draw(all, at, image.NewUniform(m.At(b.Min.X+x, b.Min.Y+y)), image.Point{}, draw.Src)
				}
			}
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, all)
	return out.Bytes(), err
}

// Grey is a picture [height, width] of values from lo (black) to hi (white); what
// lies outside is cut off.
func Grey(values []float32, width int, lo, hi float32) image.Image {
	m := image.NewGray(image.Rect(0, 0, width, len(values)/width))
	for i, v := range values {
		share := min(max((v-lo)/(hi-lo), 0), 1)
		m.SetGray(i%width, i/width, color.Gray{Y: uint8(share*255 + 0.5)})
	}
	return m
}
