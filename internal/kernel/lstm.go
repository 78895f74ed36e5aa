package kernel

import "math"

// LSTMForward takes one stream of n neurons one step forward. z [4n] holds the
// pre-activations of the input gate i, forget gate f, candidate g and output gate
// o, in blocks of n, and is overwritten with the activated gates
//
//	i, f, o = sigmoid(z),  g = tanh(z)
//	c = f cPrev + i g,  tanhC = tanh(c),  h = o tanhC
//
// The rest are [n]; c may be cPrev.
func LSTMForward[F Float](n int, z, cPrev, c, tanhC, h []F) {
	z, cPrev, c, tanhC, h = z[:4*n], cPrev[:n], c[:n], tanhC[:n], h[:n]
	if z32, ok := narrow(z); ok {
		simd.lstmForward(n, z32, as32(cPrev), as32(c), as32(tanhC), as32(h))
		return
	}
	zi, zf, zg, zo := z[:n], z[n:2*n], z[2*n:3*n], z[3*n:]
	for j := range n {
		i := F(sigmoid(float64(zi[j])))
		f := F(sigmoid(float64(zf[j])))
		g := F(math.Tanh(float64(zg[j])))
		o := F(sigmoid(float64(zo[j])))
		zi[j], zf[j], zg[j], zo[j] = i, f, g, o
		c[j] = f*cPrev[j] + i*g
		tanhC[j] = F(math.Tanh(float64(c[j])))
		h[j] = o * tanhC[j]
	}
}

// LSTMBackward is the gradient of LSTMForward. act [4n] holds the activated gates
// and dh [n] the gradient of h. dc [n] brings the gradient of c from the step
// after and leaves with that of cPrev. dgExtra, nil or [n], is added to the
// gradient of the activated candidate, for rules that read it. The gradient of
// the pre-activations goes to dz [4n], which may be act:
//
//	dc += dh o (1 - tanhC^2)
//	dz = dc g i(1-i),  dc cPrev f(1-f),  (dc i + dgExtra)(1-g^2),  dh tanhC o(1-o)
//	dc *= f
func LSTMBackward[F Float](n int, act, cPrev, tanhC, dh, dc, dgExtra, dz []F) {
	act, cPrev, tanhC, dh, dc, dz = act[:4*n], cPrev[:n], tanhC[:n], dh[:n], dc[:n], dz[:4*n]
	if dgExtra != nil {
		dgExtra = dgExtra[:n]
	}
	if act32, ok := narrow(act); ok {
		simd.lstmBackward(n, act32, as32(cPrev), as32(tanhC), as32(dh), as32(dc), as32(dgExtra), as32(dz))
		return
	}
	for j := range n {
		i, f, g, o := act[j], act[n+j], act[2*n+j], act[3*n+j]
		d := dc[j] + dh[j]*o*(1-tanhC[j]*tanhC[j])
		dg := d * i
		if dgExtra != nil {
			dg += dgExtra[j]
		}
		dz[j] = d * g * i * (1 - i)
		dz[n+j] = d * cPrev[j] * f * (1 - f)
		dz[2*n+j] = dg * (1 - g*g)
		dz[3*n+j] = dh[j] * tanhC[j] * o * (1 - o)
		dc[j] = d * f
	}
}
