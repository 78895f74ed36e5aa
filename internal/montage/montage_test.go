package montage

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"
)

func TestMontage(t *testing.T) {
	grey := Grey([]float32{-1, 0, 1, 2, -2, 1}, 3, -1, 1)
	b, err := PNG([][]image.Image{{grey, nil, grey}, {nil, grey}}, 4, 5)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Bounds().Size(); got != image.Pt(3*12+2*5, 2*8+5) {
		t.Fatalf("size %v", got)
	}
	for at, want := range map[image.Point]color.NRGBA{
		{}: {0, 0, 0, 255}, {X: 5, Y: 3}: {128, 128, 128, 255}, {X: 11}: {255, 255, 255, 255}, {Y: 7}: {255, 255, 255, 255},
		{X: 7, Y: 7}: {0, 0, 0, 255}, {X: 12}: {}, {X: 20}: {}, {X: 34}: {0, 0, 0, 255}, {X: 17, Y: 13}: {0, 0, 0, 255}, {Y: 13}: {},
	} {
		if got := color.NRGBAModel.Convert(m.At(at.X, at.Y)); got != want {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
}
