package kernel

// WeightColumns divides the columns of a matrix of plastic weights.
const WeightColumns = 16

// A matrix of plastic weights w [pre, n] has a row per sending and a column per
// receiving neuron, so that neither its updates nor its product sum over lanes. n
// is a multiple of WeightColumns. Where an update is given next [pre], out [n] gets
// the product with the new weights added, out_j += sum_i next_i w_ij; next may be
// nil.

// MulWeights computes out_j += sum_i pre_i w_ij.
func MulWeights[F Float](w, pre, out []F) {
	checkWeights(w, pre, out, nil, nil)
	if w32, ok := narrow(w); ok {
		simd.mulWeights(w32, as32(pre), as32(out))
		return
	}
	mulWeights(w, pre, out)
}

func mulWeights[F Float](w, pre, out []F) {
	n := len(out)
	for i, x := range pre {
		for j, v := range w[i*n:][:n] {
			out[j] += x * v
		}
	}
}

// DecomposedUpdate is the decomposed rule: with y [4, n] and x [pre, 4],
//
//	w_ij += rate (y_0j x_i0 post_j pre_i + y_1j x_i1 post_j + y_2j x_i2 pre_i + y_3j x_i3)
func DecomposedUpdate[F Float](w, y, x, post, pre []F, rate F, next, out []F) {
	checkWeights(w, pre, post, next, out)
	n := len(post)
	y, x = y[:4*n], x[:4*len(pre)]
	if w32, ok := narrow(w); ok {
		if next == nil {
			simd.decomposedUpdate(w32, as32(y), as32(x), as32(post), as32(pre), float32(rate))
		} else {
			simd.decomposedUpdateMul(w32, as32(y), as32(x), as32(post), as32(pre), float32(rate), as32(next), as32(out))
		}
		return
	}
	for i, h := range pre {
		x := x[4*i:][:4]
		for j, p := range post {
			w[i*n+j] += rate * (y[j]*x[0]*p*h + y[n+j]*x[1]*p + y[2*n+j]*x[2]*h + y[3*n+j]*x[3])
		}
	}
	mulWeights(w, next, out)
}

// FullUpdate is the rule of four numbers per connection: with k [pre, 4, n],
//
//	w_ij += rate (k_i0j post_j pre_i + k_i1j post_j + k_i2j pre_i + k_i3j)
func FullUpdate[F Float](w, k, post, pre []F, rate F, next, out []F) {
	checkWeights(w, pre, post, next, out)
	n := len(post)
	k = k[:4*len(w)]
	if w32, ok := narrow(w); ok {
		if next == nil {
			simd.fullUpdate(w32, as32(k), as32(post), as32(pre), float32(rate))
		} else {
			simd.fullUpdateMul(w32, as32(k), as32(post), as32(pre), float32(rate), as32(next), as32(out))
		}
		return
	}
	for i, h := range pre {
		k := k[4*i*n:][:4*n]
		for j, p := range post {
			w[i*n+j] += rate * (k[j]*p*h + k[n+j]*p + k[2*n+j]*h + k[3*n+j])
		}
	}
	mulWeights(w, next, out)
}

// EligibilityUpdate is the rule with an eligibility trace e [pre, n]:
//
//	e_ij = eta post_j pre_i + (1-eta) e_ij, then w_ij = clip(w_ij + rate e_ij)
//
// where clip clamps to [-bound, bound].
func EligibilityUpdate[F Float](w, e, post, pre []F, rate, eta, bound F, next, out []F) {
	checkWeights(w, pre, post, next, out)
	n := len(post)
	e = e[:len(w)]
	if w32, ok := narrow(w); ok {
		if next == nil {
			simd.eligibilityUpdate(w32, as32(e), as32(post), as32(pre), float32(rate), float32(eta), float32(bound))
		} else {
			simd.eligibilityUpdateMul(w32, as32(e), as32(post), as32(pre), float32(rate), float32(eta), float32(bound), as32(next), as32(out))
		}
		return
	}
	for i, h := range pre {
		for j, p := range post {
			at := i*n + j
			e[at] = eta*p*h + (1-eta)*e[at]
			v := w[at] + rate*e[at]
			if v > bound {
				v = bound
			} else if v < -bound {
				v = -bound
			}
			w[at] = v
		}
	}
	mulWeights(w, next, out)
}

func checkWeights[F Float](w, pre, post, next, out []F) {
	switch {
	case len(post)%WeightColumns != 0 || len(post) == 0 || len(pre) == 0 || len(w) != len(pre)*len(post):
		panic("kernel: plastic weights of a wrong shape")
	case next != nil && (len(next) != len(pre) || len(out) != len(post)):
		panic("kernel: a product with plastic weights of a wrong shape")
	}
}
