package kernel

import "unsafe"

// TraceRow is one row of a trace matrix at work: the connections from all
// sending neurons i to one receiving neuron j of one stream. All slices but Coef
// and H have the row's length n.
//
// An update is, with the two numbers of its step in Coef,
//
//	a = clip(x), x = c0 a + c1 h             Hebbian, one rate a row: c0 = rho, c1 = eta g
//	               a + rate (c0 h - c1 a)    Hebbian, a rate per connection: c0 = m g, c1 = m d
//	               a + c0 E                  retroactive, one rate a row: c0 = eta
//	               a + c0 rate E             retroactive, per connection: c0 = m
//	E = Keep E + c1 h                        retroactive, after the old E was used: c1 = k g
//
// where clip clamps to [-Clip, Clip] (a NaN stays a NaN). A nil E means
// Hebbian, a nil Rate one rate a row, a nil Alpha a coefficient of 1.
type TraceRow[F Float] struct {
	A, E            []F // the trace and the eligibility trace
	ToA, ToE        []F // where updated ones go, which may be A and E; unused by TraceBackward
	D, DE           []F // their gradients
	Rate, DRate     []F // rate per connection
	Alpha, DAlpha   []F // plasticity coefficient per connection
	H               []F // sending neurons at the first update's step; at step s further, from s*Stride on
	HC              []F // sending neurons that the plastic input reads
	DHC, DH         []F // gradients of HC, and of the last update's H
	Coef            []F // [updates, 2]
	Stride          int // elements
	Updates         int // at least 1
	Clip, Keep, V   F   // V is the gradient of the plastic input (times alpha, if that is one a row)
	DotH, DotA, DEE F   // results of TraceBackward
}

// TraceUpdate makes Updates updates of A and E into ToA and ToE.
func TraceUpdate[F Float](r *TraceRow[F]) {
	if r32, ok := any(r).(*TraceRow[float32]); ok && simd != nil {
		simd.traceUpdate[variant(r32.E, r32.Rate, nil)](pointer(r32))
		return
	}
	to := r.to()
	for s := range r.Updates {
		to.update(s)
	}
}

// to returns the row in its destination, before its updates.
func (r *TraceRow[F]) to() TraceRow[F] {
	to := *r
	to.A = r.ToA
	copy(to.A, r.A)
	if r.E != nil {
		to.E = r.ToE
		copy(to.E, r.E)
	}
	return to
}

// update makes update s in A and E.
func (r *TraceRow[F]) update(s int) {
	r.propose(s, r.A, r.A, r.E)
	clipRow(r.A, r.Clip)
	r.fade(s)
}

// TraceForward makes one update into ToA and ToE and returns the plastic input sum_i alpha_i A_i
// HC_i that follows it.
func TraceForward[F Float](r *TraceRow[F]) F {
	if r32, ok := any(r).(*TraceRow[float32]); ok && simd != nil {
		return F(simd.traceForward[variant(r32.E, r32.Rate, r32.Alpha)](pointer(r32)))
	}
	to := r.to()
	to.update(0)
	if r.Alpha != nil {
		return Dot3(r.Alpha, to.A, r.HC)
	}
	return Dot(to.A, r.HC)
}

// TraceBackward is the adjoint of TraceForward after Updates updates from A and
// E, which it replays without storing them. On entry D and DE are the gradients
// of the traces from later steps, on return those of the traces before the last
// update. It adds to DHC, DAlpha, DH and DRate, and sets
//
//	DotH = sum D h (retroactive: sum D E), weighted by Rate if there is one
//	DotA = sum D A (retroactive: sum DE h), likewise
//	DEE  = sum DE E (retroactive only)
//
// with D masked where the clip bit, and A, E as they were before the update.
// Work [2n] is scratch memory.
func TraceBackward[F Float](r *TraceRow[F], work []F) {
	if r32, ok := any(r).(*TraceRow[float32]); ok && simd != nil {
		simd.traceBackward[variant(r32.E, r32.Rate, r32.Alpha)](pointer(r32))
		return
	}
	r.backward(work)
}

// pointer passes a row to assembly, whose stubs cannot name a generic type.
func pointer(r *TraceRow[float32]) *byte { return (*byte)(unsafe.Pointer(r)) }

// variant numbers the routines of a level.
func variant(e, rate, alpha []float32) int {
	v := 0
	if e != nil {
		v |= 4
	}
	if rate != nil {
		v |= 2
	}
	if alpha != nil {
		v |= 1
	}
	return v
}

func (r *TraceRow[F]) coef(s int) (c0, c1 F) { return r.Coef[2*s], r.Coef[2*s+1] }

func (r *TraceRow[F]) h(s int) []F { return r.H[s*r.Stride:][:len(r.A)] }

// propose sets x to the trace a after update s, before its clip.
func (r *TraceRow[F]) propose(s int, x, a, e []F) {
	c0, c1 := r.coef(s)
	h := r.h(s)
	switch {
	case e != nil && r.Rate != nil:
		for i := range x {
			x[i] = a[i] + c0*r.Rate[i]*e[i]
		}
	case e != nil:
		for i := range x {
			x[i] = a[i] + c0*e[i]
		}
	case r.Rate != nil:
		for i := range x {
			x[i] = a[i] + r.Rate[i]*(c0*h[i]-c1*a[i])
		}
	default:
		for i := range x {
			x[i] = c0*a[i] + c1*h[i]
		}
	}
}

// fade is update s of the eligibility trace.
func (r *TraceRow[F]) fade(s int) {
	if r.E == nil {
		return
	}
	_, c1 := r.coef(s)
	h := r.h(s)
	for i := range r.E {
		r.E[i] = r.Keep*r.E[i] + c1*h[i]
	}
}

func clipRow[F Float](a []F, c F) {
	for i, x := range a {
		if x > c {
			a[i] = c
		} else if x < -c {
			a[i] = -c
		}
	}
}

func (r *TraceRow[F]) backward(work []F) {
	n, last := len(r.A), r.Updates-1
	replay := *r
	replay.A, work = work[:n], work[n:]
	copy(replay.A, r.A)
	if r.E != nil {
		replay.E = work[:n]
		copy(replay.E, r.E)
	}
	for s := range last {
		replay.update(s)
	}
	c0, c1 := r.coef(last)
	h := r.h(last)
	var dotH, dotA, dee F
	for i, a := range replay.A {
		var x, e, rate F
		switch {
		case r.E != nil && r.Rate != nil:
			e, rate = replay.E[i], r.Rate[i]
			x = a + c0*rate*e
		case r.E != nil:
			e = replay.E[i]
			x = a + c0*e
		case r.Rate != nil:
			rate = r.Rate[i]
			x = a + rate*(c0*h[i]-c1*a)
		default:
			x = c0*a + c1*h[i]
		}
		after := min(max(x, -r.Clip), r.Clip)
		v := r.V
		if r.Alpha != nil {
			v *= r.Alpha[i]
			r.DAlpha[i] += r.V * after * r.HC[i]
		}
		r.DHC[i] += v * after
		d := r.D[i] + v*r.HC[i]
		if !(x <= r.Clip && x >= -r.Clip) {
			d = 0
		}
		if r.E == nil {
			if r.Rate != nil {
				rd := rate * d
				dotH += rd * h[i]
				dotA += rd * a
				r.DH[i] += c0 * rd
				r.DRate[i] += d * (c0*h[i] - c1*a)
				r.D[i] = d - c1*rd
				continue
			}
			dotH += d * h[i]
			dotA += d * a
			r.DH[i] += c1 * d
			r.D[i] = c0 * d
			continue
		}
		de := r.DE[i]
		dotA += de * h[i]
		dee += de * e
		r.DH[i] += c1 * de
		r.D[i] = d
		if r.Rate != nil {
			r.DRate[i] += c0 * d * e
			d *= rate
		}
		dotH += d * e
		r.DE[i] = r.Keep*de + c0*d
	}
	r.DotH, r.DotA, r.DEE = dotH, dotA, dee
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
