package kernel

import "math"

// SGDStep takes a step of gradient descent with weight decay wd:
// p -= lr (g + wd p).
func SGDStep[F Float](p, g []F, lr, wd F) {
	g = g[:len(p)]
	if p32, ok := narrow(p); ok {
		simd.sgd(p32, as32(g), float32(lr), float32(wd))
		return
	}
	for i := range p {
		p[i] -= lr * (g[i] + wd*p[i])
	}
}

// AdamStep takes a step of Adam with decoupled weight decay (Loshchilov and
// Hutter, Decoupled Weight Decay Regularization, algorithm 2). m and v are the
// moments, bc1 and bc2 the bias corrections 1 - beta1^t and 1 - beta2^t:
//
//	m = beta1 m + (1-beta1) g,  v = beta2 v + (1-beta2) g^2
//	p -= lr (m/bc1 / (sqrt(v/bc2) + eps) + wd p)
func AdamStep[F Float](p, g, m, v []F, lr, beta1, beta2, eps, wd, bc1, bc2 F) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	if p32, ok := narrow(p); ok {
		simd.adam(p32, as32(g), as32(m), as32(v), float32(lr), float32(beta1), float32(beta2),
			float32(eps), float32(wd), float32(1/bc1), float32(1/bc2))
		return
	}
	for i := range p {
		m[i] = beta1*m[i] + (1-beta1)*g[i]
		v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
		p[i] -= lr * (m[i]/bc1/(F(math.Sqrt(float64(v[i]/bc2)))+eps) + wd*p[i])
	}
}

// AverageStep moves the running average of averaged SGD (Polyak and Juditsky)
// towards the parameters: avg += mu (p - avg).
func AverageStep[F Float](avg, p []F, mu F) {
	p = p[:len(avg)]
	if a32, ok := narrow(avg); ok {
		simd.average(a32, as32(p), float32(mu))
		return
	}
	for i := range avg {
		avg[i] += mu * (p[i] - avg[i])
	}
}
