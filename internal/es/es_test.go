package es

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

func constant(n int, v float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

func newStrategy(t testing.TB, seed uint64, mean []float64, o Options) *Strategy {
	t.Helper()
	s, err := New(seed, mean, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// generation tells what each member is worth and returns their mean worth.
func generation(t testing.TB, s *Strategy, worth func(z []float64) float64) float64 {
	t.Helper()
	z, all, mean := make([]float64, len(s.Mean)), make([]float64, s.Pool()), 0.0
	for p := range all {
		s.Ask(p, z)
		all[p] = worth(z)
		mean += all[p] / float64(len(all))
	}
	if err := s.Tell(all); err != nil {
		t.Fatal(err)
	}
	return mean
}

func norm(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, tolerance)
	}
}

// The constants at the sizes of [1], from their closed forms by hand.
func TestConstants(t *testing.T) {
	s := newStrategy(t, 1, make([]float64, 1347), Options{Pool: 360, Sigma: 0.01, Rate: 0.02})
	near(t, "mu", s.mu, 93.4909, 5e-5)
	near(t, "c_s", s.cs, 0.0661528, 5e-8)
	near(t, "c_c", s.cc, 0.00296077, 5e-9)
	near(t, "d_s", s.ds, 1.0661528, 5e-8)
	if len(s.weights) != 180 {
		t.Errorf("%d parents, want 180", len(s.weights))
	}
	few := newStrategy(t, 1, make([]float64, 2), Options{Pool: 40, Sigma: 0.01, Rate: 0.02}) // mu > d+2: the root counts
	near(t, "d_s of two dimensions", few.ds, 1+few.cs+2*math.Sqrt((few.mu-4)/3), 1e-12)
}

// Two generations of two parameters, worked out step by step from the package
// comment in float64 by a program of its own in Python, from D and q on.
func TestUpdate(t *testing.T) {
	s := newStrategy(t, 1, []float64{0.5, -1}, Options{Pool: 6, Sigma: 0.3, Rate: 0.1})
	for _, step := range []struct{ move, square []float64 }{
		{[]float64{0.1, -0.2}, []float64{0.05, 0.12}},
		{[]float64{-0.15, 0.05}, []float64{0.04, 0.2}},
	} {
		s.update(step.move, step.square)
	}
	for i, want := range golden.mean {
		near(t, "mean", s.Mean[i], want, 1e-12)
		near(t, "variance", s.Variance[i], golden.variance[i], 1e-12)
		near(t, "path_sigma", s.PathSigma[i], golden.pathSigma[i], 1e-12)
		near(t, "path_cov", s.PathCov[i], golden.pathCov[i], 1e-12)
	}
	near(t, "sigma", s.Sigma, golden.sigma, 1e-12)
}

// What parents come to is the weighted sum over them, however many there are.
func TestRecombine(t *testing.T) {
	const d, parents = 3, 3*group + 5
	s := newStrategy(t, 1, constant(d, 1), Options{Pool: 2 * parents, Sigma: 0.3, Rate: 0.1})
	order := make([]int, parents)
	for k := range order {
		order[k] = (k * 7) % parents
	}
	move, square := s.recombine(order, s.weights)
	z := make([]float64, d)
	for i := range d {
		var m, q float64
		for k, p := range order {
			s.Ask(p, z)
			m += s.weights[k] * (z[i] - 1)
			q += s.weights[k] * (z[i] - 1) * (z[i] - 1)
		}
		near(t, "move", move[i], m, 1e-14)
		near(t, "square", square[i], q, 1e-14)
	}
}

// On a sphere the strategy converges from every seed, its step size with it.
func TestSphere(t *testing.T) {
	for seed := range uint64(10) {
		s := newStrategy(t, seed, constant(20, 1), Options{Pool: 40, Sigma: 0.1, Rate: 0.1})
		var sigmas []float64
		for range 400 {
			generation(t, s, func(z []float64) float64 { return -norm(z) * norm(z) })
			sigmas = append(sigmas, math.Log(s.Sigma))
		}
		if got := norm(s.Mean); !(got < 1e-3) {
			t.Errorf("seed %d: |m| = %v after 400 generations, want less than 1e-3", seed, got)
		}
		// Log-linear: from generation 100 on, until sigma is at its bound, the
		// correlation of ln sigma with the generation is near -1.
		end := slices.IndexFunc(sigmas, func(v float64) bool { return v < math.Log(1e-4) })
		if end < 0 {
			end = len(sigmas)
		}
		if r := correlation(sigmas[50:end]); !(r < -0.97) {
			t.Errorf("seed %d: ln sigma over generations 50 to %d has correlation %v with the generation, want less than -0.97", seed, end, r)
		}
	}
}

// correlation of values with their index.
func correlation(y []float64) float64 {
	n, sy, my := float64(len(y)), 0.0, 0.0
	for _, v := range y {
		my += v / n
	}
	mx, sx, sxy := (n-1)/2, 0.0, 0.0
	for i, v := range y {
		dx, dy := float64(i)-mx, v-my
		sx, sy, sxy = sx+dx*dx, sy+dy*dy, sxy+dx*dy
	}
	return sxy / math.Sqrt(sx*sy)
}

// On an ellipsoid the variances come to the inverse squared curvatures' ratios.
func TestEllipsoid(t *testing.T) {
	const d = 10
	scale := func(i int) float64 { return math.Pow(1e3, float64(i)/(d-1)) }
	s := newStrategy(t, 3, constant(d, 1), Options{Pool: 40, Sigma: 0.1, Rate: 0.1})
	var logs []float64
	for s.Sigma > 1e-5 && len(logs) < 2000 {
		generation(t, s, func(z []float64) float64 {
			sum := 0.0
			for i, x := range z {
				sum += scale(i) * scale(i) * x * x
			}
			return -sum
		})
		logs = append(logs, math.Log(s.Variance[0]/s.Variance[d-1]))
	}
	logs = logs[len(logs)*4/5:] // the ratio fluctuates: its geometric mean at the end
	mean := 0.0
	for _, v := range logs {
		mean += v / float64(len(logs))
	}
	ratio := math.Exp(mean) / (scale(d-1) * scale(d-1))
	if !(ratio > 1.0/3 && ratio < 3) {
		t.Errorf("the variances' ratio is %v times the inverse curvatures', want 1/3 to 3", ratio)
	}
}

// Where nothing is better than anything else the mean does a random walk about its
// start, and neither sigma nor the variances drift.
func TestNoDrift(t *testing.T) {
	const d, runs = 400, 10
	var moved, sigma, variance float64
	for seed := range uint64(runs) {
		s := newStrategy(t, seed, constant(d, 0.2), Options{Pool: 40, Sigma: 0.1, Rate: 0.02})
		ties := rng.New(seed, "ties")
		for range 200 {
			generation(t, s, func([]float64) float64 { return ties.Float64() })
			if !(s.Sigma > 0.05 && s.Sigma < 0.2) {
				t.Fatalf("seed %d: sigma is %v, want within a factor 2 of 0.1", seed, s.Sigma)
			}
		}
		for i, m := range s.Mean {
			moved += (m - 0.2) / d / runs
			variance += s.Variance[i] / d / runs
		}
		sigma += math.Log(s.Sigma/0.1) / runs
	}
	// A coordinate's step has variance sigma^2 / mu, mu = 10.8: after 200
	// generations the mean of all 4,000 has the standard deviation .0068.
	near(t, "mean movement", moved, 0, 4*0.0068)
	// p_s starts at 0 and takes 1/c_s generations to its length, which costs sigma
	// (c_s/d_s) times the sum of sqrt(1-(1-c_s)^2t) - 1, or (ln 2 - 1) / d_s.
	near(t, "mean ln(sigma/sigma_0)", sigma, math.Ln2-1, 0.1)
	near(t, "mean variance", variance, 1, 0.25) // it is cut at 1
}

// The toy of [1]'s code: four segments of 200 numbers on scales of 1 to 1e-3, with
// weights that make them count alike, are found to their stop criterion.
func TestToy(t *testing.T) {
	const segment = 200
	r := rng.New(1, "toy")
	var target, weight []float64
	for _, scale := range []float64{1, 1e-1, 1e-2, 1e-3} {
		for range segment {
			target = append(target, scale*r.NormFloat64())
			weight = append(weight, 1/scale/segment)
		}
	}
	s := newStrategy(t, 1, make([]float64, len(target)), Options{Pool: 100, Sigma: 0.01, Rate: 0.1, Segments: []int{segment, segment, segment, segment}})
	worth := func(z []float64) float64 {
		sum := 0.0
		for i, x := range z {
			sum += weight[i] * (x - target[i]) * (x - target[i])
		}
		return -sum
	}
	for range 3000 {
		if generation(t, s, worth) > -0.02 {
			return
		}
	}
	t.Errorf("mean score %v after 3,000 generations, want more than -0.02", worth(s.Mean))
}

// Segments have factors of their own, of the given probabilities.
func TestSegments(t *testing.T) {
	const n, segment = 2000, 400
	s := newStrategy(t, 5, make([]float64, 2*segment), Options{Pool: n, Sigma: 1, Rate: 0.1, Segments: []int{segment, segment}})
	z, count := make([]float64, 2*segment), map[float64]int{}
	both := 0
	for p := 1; p < n; p++ {
		s.Ask(p, z)
		var of [2]float64
		for i := range of {
			rms := norm(z[i*segment:][:segment]) / math.Sqrt(segment)
			of[i] = slices.MinFunc(factors[:], func(a, b float64) int {
				if math.Abs(a-rms) < math.Abs(b-rms) {
					return -1
				}
				return 1
			})
			count[of[i]]++
		}
		if of[0] != 1 && of[1] != 1 {
			both++
		}
	}
	for f, want := range map[float64]float64{0.708: 0.05, 1: 0.9, 1.225: 0.05} {
		near(t, fmt.Sprintf("share of factor %v", f), float64(count[f])/(2*(n-1)), want, 4*math.Sqrt(want*(1-want)/(2*n)))
	}
	near(t, "share of members with two factors", float64(both)/n, 0.01, 4*math.Sqrt(0.01/n))
}

// Same seed, same bits: at any number of threads, in any order of asking, and from
// a state that was saved.
func TestSameBits(t *testing.T) {
	run := func(threads, reload int) State {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
		o := Options{Pool: 80, Sigma: 0.1, Rate: 0.1, Segments: []int{13, 17}}
		s := newStrategy(t, 9, constant(30, 1), o)
		for g := range 12 {
			if g == reload {
				fresh := newStrategy(t, 9, constant(30, 0), o)
				if err := fresh.Load(s.State); err != nil {
					t.Fatal(err)
				}
				s = fresh
			}
			worth, z := make([]float64, 80), make([]float64, 30)
			for i := range worth {
				p := (i*37 + g) % 80
				if threads > 1 {
					p = i
				}
				s.Ask(p, z)
				worth[p] = -norm(z)
			}
			worth[7] = math.NaN()
			if err := s.Tell(worth); err != nil {
				t.Fatal(err)
			}
		}
		return s.State
	}
	want := fmt.Sprint(run(1, -1))
	for _, threads := range []int{1, 2} {
		for _, reload := range []int{-1, 5} {
			if got := fmt.Sprint(run(threads, reload)); got != want {
				t.Errorf("%d threads, reloaded at generation %d: other bits", threads, reload)
			}
		}
	}
}

// Members that are worth no number are left out, for that generation only.
func TestDropped(t *testing.T) {
	s := newStrategy(t, 1, constant(3, 0), Options{Pool: 8, Sigma: 0.1, Rate: 0.1})
	nan := math.NaN()
	if err := s.Tell([]float64{nan, nan, nan, nan, math.Inf(1), nan, math.Inf(-1), nan}); err == nil || s.Generation != 0 {
		t.Errorf("a generation without a number: error %v, generation %d; want an error and 0", err, s.Generation)
	}
	z := make([]float64, 3)
	s.Ask(5, z)
	if err := s.Tell([]float64{nan, nan, nan, nan, nan, -1, nan, nan}); err != nil {
		t.Fatal(err)
	}
	for i := range z {
		near(t, "mean after a generation of one", s.Mean[i], z[i], 1e-15)
	}
	sum := 0.0
	for _, w := range s.weights {
		sum += w
	}
	near(t, "sum of the weights afterwards", sum, 1, 1e-15)
	if len(s.weights) != 4 {
		t.Errorf("%d weights afterwards, want 4", len(s.weights))
	}
}

func TestRefuses(t *testing.T) {
	good := Options{Pool: 8, Sigma: 0.1, Rate: 0.1}
	for name, change := range map[string]func(*Options){
		"pool": func(o *Options) { o.Pool = 3 }, "sigma": func(o *Options) { o.Sigma = 0 }, "sigma NaN": func(o *Options) { o.Sigma = math.NaN() },
		"rate": func(o *Options) { o.Rate = 2 }, "segments": func(o *Options) { o.Segments = []int{2} },
	} {
		o := good
		change(&o)
		if _, err := New(1, constant(3, 0), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s := newStrategy(t, 1, constant(3, 0), good)
	if s.Tell(make([]float64, 7)) == nil || s.Load(State{Mean: constant(3, 0)}) == nil {
		t.Error("too few values are taken")
	}
}

// A restart is around the mean, with the first step size.
func TestRestart(t *testing.T) {
	s := newStrategy(t, 1, constant(3, 0), Options{Pool: 8, Sigma: 0.1, Rate: 0.1})
	s.Sigma, s.Variance = 0.4, []float64{0.1, 0.7, 1}
	s.Restart()
	if s.Sigma != 0.1 || !slices.Equal(s.Variance, []float64{0.64, 0.7, 1}) {
		t.Errorf("sigma %v, variances %v", s.Sigma, s.Variance)
	}
}

var golden = struct {
	mean, variance, pathSigma, pathCov []float64
	sigma                              float64
}{
	mean: []float64{0.44999999999999996, -1.15}, variance: []float64{0.8761138247371365, 1},
	pathSigma: []float64{-0.5709198589333215, -0.12947164063229022}, pathCov: []float64{-0.6013748584588741, -0.06171319310430751},
	sigma: 0.2298260106674026,
}
