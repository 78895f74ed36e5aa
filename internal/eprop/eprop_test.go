package eprop

import (
	"math"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

// problem is a small net with weights at which neurons fire, spikes and targets.
func problem(steps, batch int) (n *Net[float64], w, spikes, target []float64) {
	n = New[float64](4, 6, 2, steps)
	n.RateCost = .3 // large enough to show
	r := rng.New(2, "eprop")
	w = make([]float64, n.Len())
	for i := range w {
		w[i] = .15 * r.NormFloat64()
	}
	spikes, target = make([]float64, (steps-1)*batch*n.In), make([]float64, batch*n.Out)
	for i := range spikes {
		if r.Float64() < .4 {
			spikes[i] = 1
		}
	}
	for i := range target {
		target[i] = r.NormFloat64()
	}
	return n, w, spikes, target
}

// forward is e-prop as it is written down: neuron by neuron, with an eligibility a
// synapse that runs forwards in time.
func forward(n *Net[float64], w, spikes, target []float64) (g []float64, loss float64) {
	g = make([]float64, len(w))
	in, rec, out := n.parts(w)
	gin, grec, gout := n.parts(g)
	batch, steps := len(target)/n.Out, n.Steps-1
	for b := range batch {
		v, z := make([]float64, n.Hidden), make([]float64, n.Hidden)
		u, zk := make([]float64, n.Out), make([]float64, n.Hidden)
		zin, zrec := make([]float64, n.In), make([]float64, n.Hidden) // a-filtered
		ein, erec := make([]float64, n.Hidden*n.In), make([]float64, n.Hidden*n.Hidden)
		fin, frec := make([]float64, len(ein)), make([]float64, len(erec)) // k-filtered
		sumIn, sumRec := make([]float64, len(ein)), make([]float64, len(erec))
		spiked := make([]float64, n.Hidden)
		for _, y := range target[b*n.Out : (b+1)*n.Out] {
			loss += y * y / 2
		}
		for t := range steps {
			s := spikes[(t*batch+b)*n.In : (t*batch+b+1)*n.In]
			before := append([]float64{}, z...)
			for i, x := range s {
				zin[i] = n.Leak*zin[i] + x
			}
			for i, x := range before {
				zrec[i] = n.Leak*zrec[i] + x
			}
			for j := range v {
				v[j] = n.Leak*v[j] - n.Threshold*before[j]
				for i, x := range s {
					v[j] += in[j*n.In+i] * x
				}
				for i, x := range before {
					v[j] += rec[j*n.Hidden+i] * x
				}
			}
			for j := range z {
				z[j] = 0
				if v[j] > n.Threshold {
					z[j] = 1
				}
				spiked[j] += z[j]
				zk[j] = n.ReadoutLeak*zk[j] + z[j]
			}
			for o := range u {
				u[o] *= n.ReadoutLeak
				for j := range z {
					u[o] += out[o*n.Hidden+j] * z[j]
				}
				e := u[o] - target[b*n.Out+o]
				loss += e * e / 2
				for j := range z {
					gout[o*n.Hidden+j] += e * zk[j]
				}
			}
			for j := range v {
				psi := .3 * math.Max(0, 1-math.Abs(v[j]-n.Threshold)/n.Threshold)
				signal := 0.0
				for o := range u {
					signal += out[o*n.Hidden+j] * (u[o] - target[b*n.Out+o])
				}
				for i := range zin {
					e := psi * zin[i]
					sumIn[j*n.In+i] += e
					fin[j*n.In+i] = n.ReadoutLeak*fin[j*n.In+i] + e
					gin[j*n.In+i] += signal * fin[j*n.In+i]
				}
				for i := range zrec {
					e := psi * zrec[i]
					sumRec[j*n.Hidden+i] += e
					frec[j*n.Hidden+i] = n.ReadoutLeak*frec[j*n.Hidden+i] + e
					grec[j*n.Hidden+i] += signal * frec[j*n.Hidden+i]
				}
			}
		}
		for j := range spiked {
			off := spiked[j]/float64(steps) - n.Rate
			loss += n.RateCost / 2 * off * off
			for i := range n.In {
				gin[j*n.In+i] += n.RateCost * off / float64(steps) * sumIn[j*n.In+i]
			}
			for i := range n.Hidden {
				grec[j*n.Hidden+i] += n.RateCost * off / float64(steps) * sumRec[j*n.Hidden+i]
			}
		}
	}
	return g, loss
}

func TestBackwardFilterIsForwardFilter(t *testing.T) {
	n, w, spikes, target := problem(20, 3)
	n.Forward(w, spikes)
	got := make([]float64, len(w))
	loss := n.Backward(w, spikes, target, 2, got)
	want, wantLoss := forward(n, w, spikes, target)
	if math.Abs(loss-wantLoss) > 1e-10 {
		t.Errorf("loss %v, want %v", loss, wantLoss)
	}
	some := false
	for i := range got {
		if math.Abs(got[i]-2*want[i]) > 1e-10 {
			t.Errorf("gradient %d is %v, want %v", i, got[i], 2*want[i])
		}
		some = some || math.Abs(want[i]) > .01
	}
	fired := 0.0
	for _, z := range n.z {
		fired += z
	}
	if !some || fired < 20 || fired > .9*float64(len(n.z)) {
		t.Fatalf("%v of %d neurons and steps fire: the case shows nothing", fired, len(n.z))
	}
}

// With a single update there is no time to go back through: e-prop is the surrogate
// gradient, and W_out's gradient the true one.
func TestSingleUpdate(t *testing.T) {
	n, w, spikes, target := problem(2, 1)
	n.RateCost = 0
	n.Forward(w, spikes)
	g := make([]float64, len(w))
	n.Backward(w, spikes, target, 1, g)
	gin, grec, gout := n.parts(g)
	_, _, out := n.parts(w)
	for j := range n.Hidden {
		psi := .3 * math.Max(0, 1-math.Abs(n.v[j]-n.Threshold)/n.Threshold)
		signal := 0.0
		for o := range n.Out {
			e := n.u[o] - target[o]
			signal += out[o*n.Hidden+j] * e
			if want := e * n.z[j]; math.Abs(gout[o*n.Hidden+j]-want) > 1e-12 {
				t.Errorf("W_out[%d,%d]: %v, want %v", o, j, gout[o*n.Hidden+j], want)
			}
		}
		for i := range n.In {
			if want := signal * psi * spikes[i]; math.Abs(gin[j*n.In+i]-want) > 1e-12 {
				t.Errorf("W_in[%d,%d]: %v, want %v", j, i, gin[j*n.In+i], want)
			}
		}
		for i := range n.Hidden {
			if grec[j*n.Hidden+i] != 0 {
				t.Errorf("W_rec[%d,%d] has the gradient %v before any spike", j, i, grec[j*n.Hidden+i])
			}
		}
	}
}

// The output is the mean over u_0 = 0 too, and nothing of an unconnected net.
func TestOutput(t *testing.T) {
	n, w, spikes, _ := problem(20, 3)
	y := n.Forward(w, spikes)
	for b := range 3 {
		for o := range n.Out {
			sum := 0.0
			for t := range 19 {
				sum += n.u[(t*3+b)*n.Out+o]
			}
			if math.Abs(y[b*n.Out+o]-sum/20) > 1e-12 {
				t.Errorf("output %v, want %v", y[b*n.Out+o], sum/20)
			}
		}
	}
	for _, y := range n.Forward(make([]float64, n.Len()), spikes) {
		if y != 0 {
			t.Errorf("an unconnected net says %v, want 0", y)
		}
	}
}

// Scratch memory of fewer samples leaves nothing behind for more.
func TestKeptBuffers(t *testing.T) {
	n, w, spikes, target := problem(20, 5)
	gradient := func(samples int) []float64 {
		g := make([]float64, len(w))
		spikes := spikes[:19*samples*n.In]
		n.Forward(w, spikes)
		n.Backward(w, spikes, target[:samples*n.Out], 1, g)
		return g
	}
	want := gradient(5)
	gradient(3)
	for i, got := range gradient(5) {
		if got != want[i] {
			t.Fatalf("gradient %d is %v after fewer samples, %v before", i, got, want[i])
		}
	}
}
