package kernel

// The loops over one row of a trace matrix: row j holds the connections from all
// sending neurons i to the receiving neuron j. Every slice of a call has the
// length of a.

// ClipRow clamps a to [-c, c]. A NaN stays a NaN.
func ClipRow[F Float](a []F, c F) {
	for i, x := range a {
		if x > c {
			a[i] = c
		} else if x < -c {
			a[i] = -c
		}
	}
}

// HebbRow adds a Hebbian step at one rate for the whole row: a = rho a + u h.
func HebbRow[F Float](a, h []F, rho, u F) {
	h = h[:len(a)]
	if rho == 1 {
		for i := range a {
			a[i] += u * h[i]
		}
		return
	}
	for i := range a {
		a[i] = rho*a[i] + u*h[i]
	}
}

// HebbRateRow adds a Hebbian step at a rate per connection:
// a = a + rate (p h - e a).
func HebbRateRow[F Float](a, rate, h []F, p, e F) {
	rate, h = rate[:len(a)], h[:len(a)]
	for i := range a {
		a[i] += rate[i] * (p*h[i] - e*a[i])
	}
}


// DecayAddRow computes a = keep a + w h, an eligibility trace's step.
func DecayAddRow[F Float](a, h []F, keep, w F) {
	h = h[:len(a)]
	for i := range a {
		a[i] = keep*a[i] + w*h[i]
	}
}

// Dot3 returns sum_i x_i y_i z_i.
func Dot3[F Float](x, y, z []F) F {
	y, z = y[:len(x)], z[:len(x)]
	var s0, s1 F
	i := 0
	for ; i+2 <= len(x); i += 2 {
		s0 += x[i] * y[i] * z[i]
		s1 += x[i+1] * y[i+1] * z[i+1]
	}
	if i < len(x) {
		s0 += x[i] * y[i] * z[i]
	}
	return s0 + s1
}

// DriveAdjointRow goes backward through v sum_i a_i h_i, a being x clipped to
// [-c, c]: dh += v a, d += v h.
func DriveAdjointRow[F Float](x, d, h, dh []F, v, c F) {
	d, h, dh = d[:len(x)], h[:len(x)], dh[:len(x)]
	for i, a := range x {
		if a > c {
			a = c
		} else if a < -c {
			a = -c
		}
		dh[i] += v * a
		d[i] += v * h[i]
	}
}

// DriveAdjointAlphaRow goes backward through v sum_i alpha_i a_i h_i, a being x
// clipped: dh += v alpha a, d += v alpha h, dalpha += v a h.
func DriveAdjointAlphaRow[F Float](x, alpha, d, h, dh, dalpha []F, v, c F) {
	alpha, d, h = alpha[:len(x)], d[:len(x)], h[:len(x)]
	dh, dalpha = dh[:len(x)], dalpha[:len(x)]
	for i, a := range x {
		if a > c {
			a = c
		} else if a < -c {
			a = -c
		}
		va := v * alpha[i]
		dh[i] += va * a
		d[i] += va * h[i]
		dalpha[i] += v * a * h[i]
	}
}

// MaskRow zeroes d where x was clipped, as the gradient of a clamp does.
func MaskRow[F Float](d, x []F, c F) {
	x = x[:len(d)]
	for i := range d {
		if !(x[i] <= c && x[i] >= -c) {
			d[i] = 0
		}
	}
}

// MulAddRow computes y = y + m x z, element by element.
func MulAddRow[F Float](y, x, z []F, m F) {
	x, z = x[:len(y)], z[:len(y)]
	for i := range y {
		y[i] += m * x[i] * z[i]
	}
}
