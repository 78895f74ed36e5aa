package fewshot

import (
	"fmt"
	"math"
	"testing"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/contrast"
	"github.com/engram-lm/engram/internal/rng"
)

// alphabet are characters that a few strokes tell apart: drawn, not read.
func alphabet(n int) []*omniglot.Character {
	r := rng.New(1, "alphabet")
	all := make([]*omniglot.Character, n)
	for i := range all {
		c := &omniglot.Character{Alphabet: "drawn", Name: fmt.Sprint(i)}
		x, y := 4+r.IntN(20), 4+r.IntN(20)
		for d := range c.Drawings {
			for k := range 7 {
				for at := range 25 {
					if (at*(i+2)+k)%7 == 0 {
						c.Drawings[d][(y+k+d%2)*omniglot.Side+(x+at+i)%omniglot.Side] = 255
					}
				}
			}
		}
		all[i] = c
	}
	return all
}

// The loss's gradient, a sample of every part of it, by central differences.
func TestGradient(t *testing.T) {
	s := quick
	s.Features, s.Ways, s.Queries = 4, 3, 2
	net, err := s.network()
	if err != nil {
		t.Fatal(err)
	}
	l := &losses{net, s.draw(rng.New(1, "episode").Rand, alphabet(6))}
	phi, g := make([]float32, net.Len()), make([]float32, net.Len())
	r := rng.New(2, "init")
	net.init(r, phi)
	_, weight, bias := net.parts(nil, phi)
	for i := range weight {
		weight[i] = float32(.5 * r.NormFloat64())
	}
	for i := range bias {
		bias[i] = float32(.5 * r.NormFloat64())
	}
	const scale = 3
	l.Out(phi, scale, g)
	again := append([]float32{}, g...)
	l.Out(phi, scale, again)
	for i := 0; i < len(phi); i += 7 {
		const eps = 1e-3
		keep := phi[i]
		phi[i] = keep + eps
		up := l.Out(phi, 1, nil)
		phi[i] = keep - eps
		down := l.Out(phi, 1, nil)
		phi[i] = keep
		want := scale * (up - down) / (2 * eps)
		if math.Abs(float64(g[i])-want) > 2e-3+2e-2*math.Abs(want) {
			t.Errorf("parameter %d: gradient %v, want %v", i, g[i], want)
		}
		if again[i] != 2*g[i] {
			t.Errorf("parameter %d: the gradient is not added", i)
		}
	}
}

// An episode has as many characters as ways, and no drawing twice.
func TestDraw(t *testing.T) {
	s := quick
	s.Shots = 2
	e := s.draw(rng.New(1, "episode").Rand, alphabet(8))
	if len(e.support.labels) != s.Ways*s.Shots || len(e.query.labels) != s.Ways*s.Queries || len(e.query.images) != s.Ways*s.Queries*omniglot.Pixels {
		t.Errorf("%d drawings to learn from, %d to be measured on", len(e.support.labels), len(e.query.labels))
	}
}

// Learning to learn helps, on other characters too, and takes the same steps again.
func TestLearns(t *testing.T) {
	s := quick
	s.Features, s.Ways, s.Queries, s.MetaBatch, s.Free, s.Nudged = 6, 3, 3, 2, 10, 6
	train := func() (updates []float64, accuracy float64) {
		l := s.learner(contrastive, contrast.Matched, alphabet(30)[:16], alphabet(30)[16:20], alphabet(30)[20:], 1, 8)
		for range 12 {
			p, err := l.Update()
			if err != nil {
				t.Fatal(err)
			}
			updates = append(updates, p.Loss)
		}
		out, err := l.Test(t.Context(), func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		return updates, out.Value
	}
	a, accuracy := train()
	b, _ := train()
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("update %d: loss %v and then %v under one seed", i, a[i], b[i])
		}
	}
	if accuracy < .5 {
		t.Errorf("accuracy %v on new characters, want far more than 1/3", accuracy)
	}
}
