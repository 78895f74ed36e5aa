package cifar

import (
	"io"
	"math"
	"os"

	"github.com/engram-lm/engram/internal/badfile"
)

const (
	// Side is an image's height and width.
	Side = 32
	// Pixels of an image.
	Pixels = Side * Side
	// Classes are the labels, 0 to 9.
	Classes = 10

	// record is a label, then the red, the green and the blue plane.
	record = 1 + 3*Pixels
	// most is the number of images in the whole set: no file has more.
	most = 60_000
)

// Images are labelled grey images.
type Images struct {
	labels []uint8
	// sums [N, Pixels] are red + green + blue, which is grey to the scale that
	// the normalisation takes away: exact, at two thirds of the file's size.
	sums []uint16
}

// Len returns the number of images.
func (m *Images) Len() int { return len(m.labels) }

// Label returns the class of image i.
func (m *Images) Label(i int) int { return int(m.labels[i]) }

// Pattern writes image i to dst [Pixels], row by row: the mean of its channels,
// shifted to zero mean and scaled to a greatest absolute value of 1. An image of
// one colour is all zeros.
func (m *Images) Pattern(dst []float32, i int) {
	sums := m.sums[i*Pixels : (i+1)*Pixels]
	dst = dst[:Pixels]
	total := 0
	for _, v := range sums {
		total += int(v)
	}
	mean := float64(total) / Pixels
	greatest := 0.0
	for _, v := range sums {
		greatest = max(greatest, math.Abs(float64(v)-mean))
	}
	if greatest == 0 {
		clear(dst)
		return
	}
	for j, v := range sums {
		dst[j] = float32((float64(v) - mean) / greatest)
	}
}

// cut returns the first n images, and the others.
func (m *Images) cut(n int) (first, rest *Images) {
	return &Images{m.labels[:n:n], m.sums[: n*Pixels : n*Pixels]}, &Images{m.labels[n:], m.sums[n*Pixels:]}
}

// readFile appends the images of a file.
func (m *Images) readFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait
		return badfile.New(path, "", "is no regular file; want a batch of CIFAR-10")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return m.read(path, f, info.Size())
}

// read appends the images of a file of the given size. It asks for two thirds
// of that in memory, once the size is known to be one of whole records.
func (m *Images) read(path string, in io.Reader, size int64) error {
	if size == 0 || size%record != 0 {
		return badfile.New(path, "", "has %s; want a multiple of %d: a label and three planes of %d bytes an image", badfile.Bytes(size), record, Pixels)
	}
	if size/record > most {
		return badfile.New(path, "", "has %d images; want at most %d, those of the whole set", size/record, most)
	}
	before, n := m.Len(), int(size/record)
	m.labels = append(m.labels, make([]uint8, n)...)
	m.sums = append(m.sums, make([]uint16, n*Pixels)...)
	var b [record]byte
	for i := range n {
		if _, err := io.ReadFull(in, b[:]); err == io.EOF || err == io.ErrUnexpectedEOF {
			return badfile.New(path, "", "ends in image %d of %d; want whole images", i, n)
		} else if err != nil {
			return err
		}
		if b[0] >= Classes {
			return badfile.New(path, "", "image %d has the label %d; want 0 to %d", i, b[0], Classes-1)
		}
		m.labels[before+i] = b[0]
		sums := m.sums[(before+i)*Pixels:][:Pixels]
		red, green, blue := b[1:][:Pixels], b[1+Pixels:][:Pixels], b[1+2*Pixels:][:Pixels]
		for j := range sums {
			sums[j] = uint16(red[j]) + uint16(green[j]) + uint16(blue[j])
		}
	}
	return nil
}
