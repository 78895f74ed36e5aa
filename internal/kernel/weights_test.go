package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// weightCase is a matrix with all that the updates take.
type weightCase[F Float] struct {
	w, e, y, x, k, post, pre, next, out []F
	rate, eta, bound                    F
}

func newWeightCase[F Float](pre, n int) *weightCase[F] {
	r := newRand(uint64(pre*1000 + n))
	return &weightCase[F]{
		w: normal[F](r, pre*n), e: normal[F](r, pre*n), y: normal[F](r, 4*n), x: normal[F](r, 4*pre), k: normal[F](r, 4*pre*n),
		post: normal[F](r, n), pre: normal[F](r, pre), next: normal[F](r, pre), out: normal[F](r, n),
		rate: 0.3, eta: 0.8, bound: 1.5,
	}
}

// The updates and products are what the equations say, term by term in float64.
func TestWeights(t *testing.T) {
	atEveryLevel(t, testWeights[float32])
	testWeights[float64](t)
}

func testWeights[F Float](t *testing.T) {
	for _, n := range []int{16, 32, 48, 64, 80, 144} {
		for _, pre := range []int{1, 2, 15, 64, 65} {
			for _, product := range []bool{false, true} {
				c := newWeightCase[F](pre, n)
				clip := func(v float64) float64 { return max(-float64(c.bound), min(float64(c.bound), v)) }
				rules := map[string]struct {
					update func(w, next, out []F)
					want   func(i, j int, w, p, h float64) float64
				}{
					"mul": {
						func(w, next, out []F) {
							if next != nil {
								MulWeights(w, next, out)
							}
						},
						func(_, _ int, w, _, _ float64) float64 { return w },
					},
					"decomposed": {
						func(w, next, out []F) { DecomposedUpdate(w, c.y, c.x, c.post, c.pre, c.rate, next, out) },
						func(i, j int, w, p, h float64) float64 {
							for k, of := range []float64{p * h, p, h, 1} {
								w += float64(c.rate) * float64(c.y[k*n+j]) * float64(c.x[4*i+k]) * of
							}
							return w
						},
					},
					"full": {
						func(w, next, out []F) { FullUpdate(w, c.k, c.post, c.pre, c.rate, next, out) },
						func(i, j int, w, p, h float64) float64 {
							for k, of := range []float64{p * h, p, h, 1} {
								w += float64(c.rate) * float64(c.k[(4*i+k)*n+j]) * of
							}
							return w
						},
					},
					"eligibility": {
						func(w, next, out []F) {
							EligibilityUpdate(w, slices.Clone(c.e), c.post, c.pre, c.rate, c.eta, c.bound, next, out)
						},
						func(i, j int, w, p, h float64) float64 {
							return clip(w + float64(c.rate)*(float64(c.eta)*p*h+(1-float64(c.eta))*float64(c.e[i*n+j])))
						},
					},
				}
				for name, rule := range rules {
					what := fmt.Sprintf("%s [%d, %d], product %v", name, pre, n, product)
					w, out := append(slices.Clone(c.w), 777), append(slices.Clone(c.out), 777)
					next := c.next
					if !product {
						next = nil
					}
					rule.update(w[:pre*n], next, out[:n])
					if w[pre*n] != 777 || out[n] != 777 {
						t.Fatalf("%s: wrote past the end", what)
					}
					for j := range n {
						sum, size := float64(c.out[j]), 1.0
						for i := range pre {
							at := i*n + j
							want := rule.want(i, j, float64(c.w[at]), float64(c.post[j]), float64(c.pre[i]))
							if !near(float64(w[at]), want, 10, tolerance[F]()) {
								t.Fatalf("%s: w[%d][%d] = %v, want %v", what, i, j, w[at], want)
							}
							if product {
								sum += want * float64(c.next[i])
								size += math.Abs(want * float64(c.next[i]))
							}
						}
						if !near(float64(out[j]), sum, size, tolerance[F]()) {
							t.Fatalf("%s: out[%d] = %v, want %v", what, j, out[j], sum)
						}
					}
				}
			}
		}
	}
}

// The eligibility trace itself is kept, and a NaN in it reaches the weight.
func TestEligibilityTrace(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		c := newWeightCase[float32](3, 16)
		was := slices.Clone(c.e)
		c.e[20] = float32(math.NaN())
		EligibilityUpdate(c.w, c.e, c.post, c.pre, c.rate, c.eta, c.bound, nil, nil)
		for at, e := range c.e {
			want := float64(c.eta)*float64(c.post[at%16])*float64(c.pre[at/16]) + (1-float64(c.eta))*float64(was[at])
			if at == 20 {
				if !math.IsNaN(float64(e)) || !math.IsNaN(float64(c.w[at])) {
					t.Errorf("a NaN became the trace %v and the weight %v", e, c.w[at])
				}
			} else if !near(float64(e), want, 1, tolerance[float32]()) {
				t.Errorf("e[%d] = %v, want %v", at, e, want)
			}
		}
	})
}

func TestWeightsRefuse(t *testing.T) {
	c := newWeightCase[float32](3, 16)
	for name, f := range map[string]func(){
		"columns": func() { MulWeights(make([]float32, 3*8), c.pre, make([]float32, 8)) },
		"rows":    func() { DecomposedUpdate(c.w, c.y, c.x, c.post, c.pre[:2], 1, nil, nil) },
		"product": func() { FullUpdate(c.w, c.k, c.post, c.pre, 1, c.next[:2], c.out) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// BenchmarkWeights is a step's work of 64 neurons on their recurrent weights.
func BenchmarkWeights(b *testing.B) {
	c := newWeightCase[float32](64, 64)
	for name, f := range map[string]func(){
		"mul":         func() { MulWeights(c.w, c.pre, c.out) },
		"decomposed":  func() { DecomposedUpdate(c.w, c.y, c.x, c.post, c.pre, 0, c.next, c.out) },
		"full":        func() { FullUpdate(c.w, c.k, c.post, c.pre, 0, c.next, c.out) },
		"eligibility": func() { EligibilityUpdate(c.w, c.e, c.post, c.pre, 0, 0, c.bound, c.next, c.out) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
				clear(c.out)
			}
		})
	}
}
