// Package rng hands out named streams of randomness. One seed gives any number
// of independent PCG streams, one a use ("init", "dropout", "shuffle",
// "environment", "sampling"), so that drawing more from one never shifts another
// and each can be saved in a checkpoint and restored. Nothing reads the clock.
package rng

import (
	"hash/fnv"
	"math/rand/v2"
)

// Stream is a seeded source of random numbers whose position can be saved.
type Stream struct {
	*rand.Rand
	pcg *rand.PCG
}

// New returns the stream called name under seed. The same pair gives the same
// numbers on every machine and in every release.
func New(seed uint64, name string) *Stream {
	h := fnv.New64a()
	h.Write([]byte(name))
	pcg := rand.NewPCG(seed, h.Sum64())
	return &Stream{Rand: rand.New(pcg), pcg: pcg}
}

// MarshalBinary saves the stream's position.
func (s *Stream) MarshalBinary() ([]byte, error) { return s.pcg.MarshalBinary() }

// UnmarshalBinary restores a position that MarshalBinary saved.
func (s *Stream) UnmarshalBinary(b []byte) error { return s.pcg.UnmarshalBinary(b) }

// Uniform returns a number in [lo, hi).
func (s *Stream) Uniform(lo, hi float64) float64 { return lo + (hi-lo)*s.Float64() }
