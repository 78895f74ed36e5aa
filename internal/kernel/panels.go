package kernel

// goNR is the number of columns of a panel in plain Go: two rows of them fill the
// registers.
const goNR = 4

// goMR is the number of rows of a strip in plain Go: few enough that they stay in
// the first-level cache, with a panel.
const goMR = 8

// panelWidth returns the number of columns of a packed panel at this level.
func panelWidth[F Float]() int {
	if _, ok := narrow([]F(nil)); ok {
		return simd.nr
	}
	return goNR
}

// stripRows returns the number of rows that a strip has room for at this level.
func stripRows[F Float]() int {
	if _, ok := narrow([]F(nil)); ok {
		return simd.mr
	}
	return goMR
}

// inPlace reports whether mulStrip takes a B as it lies, in a precision.
func inPlace[F Float](in Precision) bool {
	_, ok := narrow([]F(nil))
	return ok && simd.inPlace && in == F32
}

// fewRows returns the most rows that mulRows takes at this level.
func fewRows[F Float]() int {
	if _, ok := narrow([]F(nil)); ok {
		return simd.few
	}
	return goMR
}

// mulStrip computes C = alpha A B + beta C for the first m rows of a strip of A
// and B [k, n], packed in panels or, where inPlace allows it, as it lies, with its
// rows ldb elements apart; ldb is 0 for panels. With beta = 0 C is not read. Each
// element is summed over k in order, in one accumulator; A and B are packed in a
// precision. The tiles are counted from tile on and fetch each a part of what is
// ahead, if anything is.
func mulStrip[F Float](in Precision, m, n, k int, alpha F, strip, b []F, ldb int, beta F, c []F, ldc int, ahead *upcoming[F], tile int) {
	if s, ok := narrow(strip); ok {
		next, _ := any(ahead).(*upcoming[float32])
		if d := dotsOf[F](in); d != nil {
			d.mulStrip(m, n, (k+1)/2, float32(alpha), s, as32(b), ldb, float32(beta), as32(c), ldc, next, tile)
			return
		}
		simd.mulStrip(m, n, k, float32(alpha), s, as32(b), ldb, float32(beta), as32(c), ldc, next, tile)
		return
	}
	mulPanels(in, m, n, k, alpha, strip, 1, goMR, b, beta, c, ldc)
}

// mulRows is mulStrip for A [m, k] as it lies, of at most fewRows, and alpha = 1; in
// bfloat16 as roundRows has left it.
func mulRows[F Float](in Precision, m, n, k int, a []F, lda int, b []F, beta F, c []F, ldc int) {
	if a32, ok := narrow(a); ok {
		if d := dotsOf[F](in); d != nil {
			d.mulRows(m, n, (k+1)/2, a32, lda, as32(b), float32(beta), as32(c), ldc)
			return
		}
		simd.mulRows(m, n, k, a32, lda, as32(b), float32(beta), as32(c), ldc)
		return
	}
	mulPanels(in, m, n, k, 1, a, lda, 1, b, beta, c, ldc)
}

// mulPanels is both of them in plain Go: element (i, p) of A is a[i*rs+p*ks].
func mulPanels[F Float](in Precision, m, n, k int, alpha F, a []F, rs, ks int, b []F, beta F, c []F, ldc int) {
	if a32, ok := any(a).([]float32); ok && in == BF16 {
		mulPanelsBF16(m, n, k, float32(alpha), a32, rs, ks, as32(b), float32(beta), as32(c), ldc)
		return
	}
	for j := 0; j < n; j += goNR {
		panel := b[j*k : (j+goNR)*k]
		cols := min(goNR, n-j)
		i := 0
		for ; i+2 <= m; i += 2 {
			s, t := dotPanel2(k, a[i*rs:], a[(i+1)*rs:], ks, panel)
			storeRow(alpha, s[:cols], beta, c[i*ldc+j:])
			storeRow(alpha, t[:cols], beta, c[(i+1)*ldc+j:])
		}
		if i < m {
			s := dotPanel(k, a[i*rs:], ks, panel)
			storeRow(alpha, s[:cols], beta, c[i*ldc+j:])
		}
	}
}

// dotPanel returns the products of one row with the columns of a panel.
func dotPanel[F Float](k int, a []F, ks int, panel []F) [goNR]F {
	var s0, s1, s2, s3 F
	for p := range k {
		b := panel[p*goNR:][:goNR]
		x := a[p*ks]
		s0 += x * b[0]
		s1 += x * b[1]
		s2 += x * b[2]
		s3 += x * b[3]
	}
	return [goNR]F{s0, s1, s2, s3}
}

// dotPanel2 is dotPanel for two rows.
func dotPanel2[F Float](k int, a0, a1 []F, ks int, panel []F) (s, t [goNR]F) {
	var s0, s1, s2, s3, t0, t1, t2, t3 F
	for p := range k {
		b := panel[p*goNR:][:goNR]
		x, y := a0[p*ks], a1[p*ks]
		s0 += x * b[0]
		s1 += x * b[1]
		s2 += x * b[2]
		s3 += x * b[3]
		t0 += y * b[0]
		t1 += y * b[1]
		t2 += y * b[2]
		t3 += y * b[3]
	}
	return [goNR]F{s0, s1, s2, s3}, [goNR]F{t0, t1, t2, t3}
}

// storeRow computes c = alpha s + beta c.
func storeRow[F Float](alpha F, s []F, beta F, c []F) {
	c = c[:len(s)]
	for j, x := range s {
		if beta == 0 {
			c[j] = alpha * x
		} else {
			c[j] = alpha*x + beta*c[j]
		}
	}
}
