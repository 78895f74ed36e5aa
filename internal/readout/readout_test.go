package readout_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/readout"
	"github.com/engram-lm/engram/lstm"
)

// text is what streams read: hidden states [T, B, H], words and targets [T, B],
// and what the vocabulary alone gives for the targets, in nats.
type text struct {
	steps, batch   int
	h              []float64
	words, targets []int
	nll            []float64
}

const vocab = 5

func newText(r *rand.Rand, steps, batch, hidden int) *text {
	x := &text{steps: steps, batch: batch}
	for range steps * batch {
		for range hidden {
			x.h = append(x.h, r.NormFloat64())
		}
		x.words = append(x.words, r.IntN(vocab))
		x.targets = append(x.targets, r.IntN(vocab))
		x.nll = append(x.nll, 0.2+3*r.Float64())
	}
	return x
}

// params draws parameters that are lively: every gradient matters.
func params(r *rand.Rand, m readout.Memory) [][]float64 {
	list, _ := lstm.NewParams[float64](m.Params(), 1)
	for i, p := range list {
		for k := range p {
			p[k] = 0.3 + r.Float64()
			if len(p) > 1 {
				p[k] -= 0.8
			}
		}
		if m.Params()[i].Name == "gate.bias" {
			p[0] = -1
		}
	}
	return list
}

// read returns the mixture's NLL of every row, and the share of the vocabulary.
func read(w *readout.Window[float64], p [][]float64, state []float64, x *text) (nll, share []float64) {
	w.Read(x.steps, x.batch, p, state, x.h, x.words)
	for i, target := range x.targets {
		v, s := w.Mix(i, target, x.nll[i])
		nll, share = append(nll, v), append(share, s)
	}
	return nll, share
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if !(math.Abs(v-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, v, want[i])
		}
	}
}

// shapes are memories and the windows that a text is read in: longer and shorter
// than the memory, and in pieces.
var shapes = []struct {
	slots   int
	windows []int
}{{7, []int{3, 4, 1, 1, 9, 20, 5}}, {1, []int{2, 1, 5}}, {40, []int{1, 1, 15, 30}}}

// A Window is what the definition says, in any cut of a text, and leaves the
// definition's state.
func TestWindowIsTheDefinition(t *testing.T) {
	for _, shape := range shapes {
		const batch = 3
		m := readout.Memory{Hidden: 4, Key: 3, Slots: shape.slots}
		r := rand.New(rand.NewPCG(1, uint64(shape.slots)))
		p := params(r, m)
		var readers [batch]readout.Reader
		for b := range readers {
			readers[b] = readout.Reader{Memory: m, Params: p}
		}
		w := readout.NewWindow[float64](m)
		state := lstm.StateOf[float64](m.State(), batch)
		for i, steps := range shape.windows {
			w.Mode = readout.On
			if i == 3 {
				w.Mode = readout.Frozen
			}
			x := newText(r, steps, batch, m.Hidden)
			var want, share, all []float64
			before := slices.Clone(state.Data)
			for row, word := range x.words {
				reader := &readers[row%batch]
				reader.Frozen = w.Mode == readout.Frozen
				g, recalled := reader.Step(word, x.h[row*m.Hidden:(row+1)*m.Hidden])
				vocabulary := (1 - g) * math.Exp(-x.nll[row])
				likelihood := vocabulary + g*recalled[x.targets[row]]
				want, share = append(want, -math.Log(likelihood)), append(share, vocabulary/likelihood)
				for v := range vocab {
					all = append(all, math.Log((1-g)/vocab+g*recalled[v]))
				}
			}
			nll, shares := read(w, p, state.Data, x)
			near(t, fmt.Sprintf("%v, window %d: nll", shape, i), nll, want, 1e-12)
			near(t, fmt.Sprintf("%v, window %d: share", shape, i), shares, share, 1e-12)
			for row := range x.words {
				logits := make([]float64, vocab)
				w.Distribution(row, logits)
				near(t, fmt.Sprintf("%v, window %d, row %d: distribution", shape, i, row), logits, all[row*vocab:(row+1)*vocab], 1e-12)
			}
			w.FinalState()
			if w.Mode == readout.Frozen && !slices.Equal(before, state.Data) {
				t.Errorf("%v: a frozen memory has changed", shape)
			}
			for b := range readers {
				mine, theirs := readers[b].State(), state.Stream(b)
				if i == 0 { // rings begin where the first pair was written; later they turn
					near(t, fmt.Sprintf("%v: state of stream %d", shape, b), theirs.Data, mine.Data, 1e-12)
				}
			}
		}
	}
}

// A stream alone, at another place of the batch, or read in one window is the
// same to the bit.
func TestStreamsAreAlone(t *testing.T) {
	m := readout.Memory{Hidden: 4, Key: 3, Slots: 6}
	r := rand.New(rand.NewPCG(3, 3))
	p := params(r, m)
	x := newText(r, 9, 3, m.Hidden)
	w := readout.NewWindow[float64](m)
	state := lstm.StateOf[float64](m.State(), 3)
	nll, _ := read(w, p, state.Data, x)
	w.FinalState()
	for b := range 3 {
		one := &text{steps: x.steps, batch: 1}
		var want []float64
		for t := range x.steps {
			i := t*3 + b
			one.h = append(one.h, x.h[i*m.Hidden:(i+1)*m.Hidden]...)
			one.words, one.targets, one.nll = append(one.words, x.words[i]), append(one.targets, x.targets[i]), append(one.nll, x.nll[i])
			want = append(want, nll[i])
		}
		alone := lstm.StateOf[float64](m.State(), 1)
		got, _ := read(w, p, alone.Data, one)
		w.FinalState()
		if !slices.Equal(got, want) || !slices.Equal(alone.Data, state.Stream(b).Data) {
			t.Errorf("stream %d reads otherwise alone", b)
		}
		state.ResetStream(b)
		if slices.ContainsFunc(state.Stream(b).Data, func(v float64) bool { return v != 0 }) {
			t.Errorf("stream %d is not empty after its reset", b)
		}
	}
	again, _ := read(w, p, state.Data, x)
	if !slices.Equal(again, nll) {
		t.Error("a text reads otherwise after a reset")
	}
}

// What comes later changes nothing of what is said now: a reader never sees the
// word that it predicts.
func TestTheFutureIsUnknown(t *testing.T) {
	m := readout.Memory{Hidden: 4, Key: 3, Slots: 6}
	r := rand.New(rand.NewPCG(4, 3))
	p := params(r, m)
	x := newText(r, 12, 2, m.Hidden)
	y := newText(r, 12, 2, m.Hidden)
	y.targets, y.nll = x.targets, x.nll
	const known = 7
	copy(y.words, x.words[:known*2])
	copy(y.h, x.h[:known*2*m.Hidden])
	w := readout.NewWindow[float64](m)
	a, _ := read(w, p, lstm.StateOf[float64](m.State(), 2).Data, x)
	b, _ := read(w, p, lstm.StateOf[float64](m.State(), 2).Data, y)
	if !slices.Equal(a[:known*2], b[:known*2]) || slices.Equal(a, b) {
		t.Errorf("with another future: %v, not %v", b, a)
	}
}

// Off, the vocabulary's likelihood is handed through to the bit.
func TestOff(t *testing.T) {
	m := readout.Memory{Hidden: 4, Key: 3, Slots: 6}
	r := rand.New(rand.NewPCG(5, 3))
	p := params(r, m)
	w := readout.NewWindow[float64](m)
	w.Mode = readout.Off
	x := newText(r, 12, 2, m.Hidden)
	nll, share := read(w, p, lstm.StateOf[float64](m.State(), 2).Data, x)
	if !slices.Equal(nll, x.nll) || slices.Max(share) != 1 || slices.Min(share) != 1 {
		t.Errorf("off, NLL %v of %v", nll, x.nll)
	}
}

// The hand-written gradients agree with finite differences: of every parameter, of
// the hidden states, and of what the vocabulary alone gave; with pairs of earlier
// windows and without, with fewer slots than steps and with more.
func TestGradients(t *testing.T) {
	for _, shape := range shapes {
		for i, steps := range shape.windows {
			for _, mode := range []readout.Mode{readout.On, readout.Frozen, readout.Off} {
				t.Run(fmt.Sprint(shape.slots, "/", i, "/", mode), func(t *testing.T) {
					gradients(t, shape.slots, shape.windows[:i], steps, mode)
				})
			}
		}
	}
}

func gradients(t *testing.T, slots int, before []int, steps int, mode readout.Mode) {
	const batch, scale = 2, 0.7
	m := readout.Memory{Hidden: 4, Key: 3, Slots: slots}
	r := rand.New(rand.NewPCG(6, uint64(slots)))
	p := params(r, m)
	w := readout.NewWindow[float64](m)
	state := lstm.StateOf[float64](m.State(), batch)
	for _, steps := range before {
		read(w, p, state.Data, newText(r, steps, batch, m.Hidden))
		w.FinalState()
	}
	w.Mode = mode
	x := newText(r, steps, batch, m.Hidden)
	loss := func() (sum float64) {
		nll, _ := read(w, p, state.Data, x)
		for _, v := range nll {
			sum += scale * v
		}
		return sum
	}
	_, share := read(w, p, state.Data, x)
	dh := make([]float64, len(x.h))
	_, dparams := lstm.NewParams[float64](m.Params(), 1)
	for _, d := range append(dparams, dh) {
		for i := range d {
			d[i] = math.NaN() // all of it is overwritten
		}
	}
	w.Backward(scale, dh, dparams)
	for i := range share {
		share[i] *= scale
	}
	pairs := -1 // what is there to be read at the end
	for _, steps := range before {
		pairs += steps
	}
	if mode == readout.On {
		pairs += steps
	}
	lively := mode != readout.Off && min(pairs, slots) > 2
	check := func(name string, values, grad []float64) {
		t.Helper()
		const step = 1e-5
		largest := 0.0
		for i, keep := range values {
			values[i] = keep + step
			up := loss()
			values[i] = keep - step
			down := loss()
			values[i] = keep
			largest = max(largest, math.Abs(grad[i]))
			if want := (up - down) / (2 * step); !(math.Abs(grad[i]-want) <= 1e-8*max(1, math.Abs(want))) {
				t.Errorf("gradient %d of %s is %v, want %v", i, name, grad[i], want)
			}
		}
		if lively && largest == 0 {
			t.Errorf("the largest gradient of %s is %v", name, largest)
		}
	}
	check("h", x.h, dh)
	check("vocabulary", x.nll, share)
	for i, spec := range m.Params() {
		check(spec.Name, p[i], dparams[i])
	}
}

// The same bits on one core and on several, forward and backward.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	m := readout.Memory{Hidden: 24, Key: 16, Slots: 60}
	run := func(cores int) (all []float64) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		r := rand.New(rand.NewPCG(7, 7))
		p := params(r, m)
		w := readout.NewWindow[float64](m)
		state := lstm.StateOf[float64](m.State(), 9)
		for range 3 {
			x := newText(r, 30, 9, m.Hidden)
			nll, _ := read(w, p, state.Data, x)
			dh := make([]float64, len(x.h))
			_, dparams := lstm.NewParams[float64](m.Params(), 1)
			w.Backward(1, dh, dparams)
			w.FinalState()
			all = append(append(all, nll...), dh...)
			for _, d := range dparams {
				all = append(all, d...)
			}
		}
		return append(all, state.Data...)
	}
	want := run(1)
	for _, cores := range []int{2, 4} {
		if !slices.Equal(run(cores), want) {
			t.Errorf("other bits on %d cores", cores)
		}
	}
}
