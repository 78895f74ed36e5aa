// Command rule trains a layer with a fast rule of its own on episodes that end at
// different steps, stops in the middle, and goes on from what it kept to the same bits.
package main

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"

	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/lstm/optim"
)

const (
	streams = 8
	steps   = 10 // of a recording
	neurons = 12
)

// world has an episode in each stream: a sign is shown at its first step and asked for
// at its last one, two to six steps later.
type world struct {
	rand *rand.PCG
	sign [streams]float32
	left [streams]int // steps; 0: the next one begins an episode
}

// training is all that goes on.
type training struct {
	layer           lstm.Layer
	params, dparams [][]float32
	state           *lstm.State[float32]
	optimizer       *optim.Adam
	world           world
}

func newTraining() *training {
	l := Fading{In: 2, Hidden: neurons}
	t := &training{layer: l, state: lstm.NewState[float32](l, streams), optimizer: optim.NewAdam(0.001)}
	t.params, t.dparams = lstm.NewParams[float32](l.Params(), 1)
	t.world.rand = rand.NewPCG(1, 2)
	return t
}

// update records some steps, whose episodes begin where they may, and learns from
// them. It returns the mean squared error of the answers, and M(t) [T, B].
func (t *training) update() (loss float64, modulation []float32) {
	r := rand.New(t.world.rand)
	s := lstm.NewScan[float32](t.layer)
	s.Begin(streams, steps, t.params, t.state.Data)
	var dout []float32
	answers := 0
	for range steps {
		x, out, d := make([]float32, streams*2), make([]float32, streams*neurons), make([]float32, streams*neurons)
		asked := make([]bool, streams)
		for b := range streams {
			if t.world.left[b] == 0 { // the others go on
				s.(lstm.Resetter).ResetStream(b)
				t.world.left[b], t.world.sign[b] = 3+r.IntN(5), float32(2*r.IntN(2)-1)
				x[2*b] = t.world.sign[b]
			}
			t.world.left[b]--
			if asked[b] = t.world.left[b] == 0; asked[b] {
				x[2*b+1] = 1
			}
		}
		s.Forward(1, x, out)
		for b := range streams {
			if asked[b] {
				off := out[b*neurons] - t.world.sign[b]/2
				loss += float64(off * off)
				d[b*neurons] = off
				answers++
			}
		}
		dout = append(dout, d...)
	}
	s.Backward(dout, nil, nil, nil, t.dparams)
	s.State(t.state.Data)
	modulation = slices.Clone(s.(lstm.Modulated[float32]).Modulation())
	if _, err := optim.Update(t.optimizer, optim.Params(t.layer.Params(), t.params, t.dparams), 0.01, 1); err != nil {
		log.Fatal(err)
	}
	return loss / float64(answers), modulation
}

// kept is a training in the middle.
type kept struct {
	Params    []byte // safetensors
	State     *lstm.State[float32]
	Optimizer optim.State
	Random    []byte
	Sign      [streams]float32
	Left      [streams]int
}

func (t *training) keep() []byte {
	var params, all bytes.Buffer
	random, err := t.world.rand.MarshalBinary()
	check(err)
	check(lstm.WriteParams(&params, "", t.layer.Params(), t.params))
	check(gob.NewEncoder(&all).Encode(kept{params.Bytes(), t.state, t.optimizer.State(), random, t.world.sign, t.world.left}))
	return all.Bytes()
}

func (t *training) restore(b []byte) {
	var k kept
	var err error
	check(gob.NewDecoder(bytes.NewReader(b)).Decode(&k))
	t.params, err = lstm.ReadParams[float32](bytes.NewReader(k.Params), "", t.layer.Params())
	check(err)
	check(t.optimizer.Load(k.Optimizer))
	check(t.world.rand.UnmarshalBinary(k.Random))
	t.state, t.world.sign, t.world.left = k.State, k.Sign, k.Left
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	t := newTraining()
	first, _ := t.update()
	for range 200 {
		t.update()
	}
	middle := t.keep()

	again := newTraining()
	again.restore(middle)
	var loss float64
	for range 200 {
		l, m := t.update()
		l2, m2 := again.update()
		if l != l2 || !slices.Equal(m, m2) {
			log.Fatalf("went on to a loss of %v and, restored, of %v", l, l2)
		}
		loss += l / 200
	}
	for i, p := range t.params {
		if !slices.Equal(p, again.params[i]) {
			log.Fatalf("%s went on to other numbers", t.layer.Params()[i].Name)
		}
	}
	_, m := t.update()
	if !(loss < first/5) {
		log.Fatalf("the mean error is %v, and was %v", loss, first)
	}
	fmt.Println("error: below a fifth of the first")
	fmt.Printf("M(t): %d values for %d steps of %d streams\n", len(m), steps, streams)
	fmt.Println("restored in the middle: the same bits")
}
