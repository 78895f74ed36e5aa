package images

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"

	"github.com/engram-lm/engram/data/cifar"
)

// gallery is a set of grey images, shrunk to side x side pixels. Trainings side by
// side read the same one.
type gallery struct {
	images *cifar.Images
	side   int
}

func (g *gallery) len() int { return g.images.Len() }

func (g *gallery) pixels() int { return g.side * g.side }

// image writes image i to dst [pixels]. Each pixel is the mean of those it takes
// the place of; the greatest absolute value is made 1 again.
func (g *gallery) image(dst []float32, i int) {
	var whole [cifar.Pixels]float32
	g.images.Pattern(whole[:], i)
	block := cifar.Side / g.side
	var greatest float32
	for y := range g.side {
		for x := range g.side {
			var sum float32
			for dy := range block {
				for _, v := range whole[(y*block+dy)*cifar.Side+x*block:][:block] {
					sum += v
				}
			}
			dst[y*g.side+x] = sum / float32(block*block)
			greatest = max(greatest, float32(math.Abs(float64(sum/float32(block*block)))))
		}
	}
	if greatest == 0 {
		return
	}
	for j := range dst[:g.pixels()] {
		dst[j] /= greatest
	}
}

// sum is the SHA-256 of the images of both galleries.
func (g *gallery) sum(other *gallery) string {
	h := sha256.New()
	dst := make([]float32, g.pixels())
	bytes := make([]byte, 4*len(dst))
	for _, g := range []*gallery{g, other} {
		for i := range g.len() {
			g.image(dst, i)
			for j, v := range dst {
				binary.LittleEndian.PutUint32(bytes[4*j:], math.Float32bits(v))
			}
			h.Write(bytes)
		}
		h.Write([]byte{'|'})
	}
	return hex.EncodeToString(h.Sum(nil))
}
