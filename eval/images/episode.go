package images

import "math/rand/v2"

// episode is a stretch of input and what is to come of it. Beside the neurons of
// the pixels there is one for a bias, which is clamped to 1 at every step.
type episode struct {
	x      []float32 // [T, 2H]: values [H], then a mask [H] of the neurons clamped to them
	target []float32 // [Pixels] the image to be completed
	lower  bool      // the lower half of it is erased, else the upper one
}

// steps is the length of an episode.
func (s *settings) steps() int { return s.Images*s.Cycles*(s.Show+s.Delay) + s.Recall }

// draw returns a new episode: different images of the gallery in random order,
// cycle by cycle, each for Show steps and Delay empty ones after them; then half of
// one of them for Recall steps.
func (s *settings) draw(r *rand.Rand, from *gallery) episode {
	pixels := from.pixels()
	hidden := pixels + 1
	images := make([][]float32, s.Images)
	taken := map[int]bool{}
	for k := range images {
		i := r.IntN(from.len())
		for taken[i] {
			i = r.IntN(from.len())
		}
		taken[i] = true
		images[k] = make([]float32, pixels)
		from.image(images[k], i)
	}
	e := episode{x: make([]float32, s.steps()*2*hidden)}
	at := 0
	// add clamps the pixels from lo to hi for some steps.
	add := func(image []float32, lo, hi, steps int) {
		for range steps {
			values, mask := e.x[at:at+hidden], e.x[at+hidden:at+2*hidden]
			at += 2 * hidden
			values[pixels], mask[pixels] = 1, 1
			for i := lo; i < hi; i++ {
				values[i], mask[i] = image[i], 1
			}
		}
	}
	for range s.Cycles {
		for _, k := range r.Perm(s.Images) {
			add(images[k], 0, pixels, s.Show)
			add(nil, 0, 0, s.Delay)
		}
	}
	e.target = images[r.IntN(s.Images)]
	e.lower = r.IntN(2) == 1
	if e.lower {
		add(e.target, 0, pixels/2, s.Recall)
	} else {
		add(e.target, pixels/2, pixels, s.Recall)
	}
	return e
}

// erased returns the erased half of an image or of what is drawn in its place.
func (e *episode) erased(pixels []float32) []float32 {
	half := len(e.target) / 2
	if e.lower {
		return pixels[half : 2*half]
	}
	return pixels[:half]
}

// mse returns the mean squared error over the erased half of outputs y [Pixels].
func (e *episode) mse(y []float32) float64 {
	sum := 0.0
	want := e.erased(e.target)
	for i, v := range e.erased(y) {
		d := float64(v) - float64(want[i])
		sum += d * d
	}
	return sum / float64(len(want))
}
