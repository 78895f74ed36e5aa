package scan

import "slices"

// fresh is a stream that began anew before step t: the state that the step reads is
// zero. The same rows hold what the step before came to, which its adjoint reads; so
// they are kept, and lie in their place again while the pass back is before step t.
type fresh[F Float] struct {
	t, b int
	rows [][]F // of the cell's buffers at t
	was  []F
}

// anew zeroes rows and keeps what they held.
func anew[F Float](t, b int, rows ...[]F) fresh[F] {
	f := fresh[F]{t: t, b: b, rows: rows, was: make([]F, len(rows)*len(rows[0]))}
	f.exchange()
	return f
}

// exchange puts what was kept into the rows and keeps what they hold.
func (f *fresh[F]) exchange() {
	was := f.was
	for _, row := range f.rows {
		for i, v := range row {
			row[i], was[i] = was[i], v
		}
		was = was[len(row):]
	}
}

// exchange is that of all.
func exchange[F Float](all []fresh[F]) {
	for i := range all {
		all[i].exchange()
	}
}

// beginsAt reports whether stream b began anew before step t.
func beginsAt[F Float](all []fresh[F], t, b int) bool {
	return slices.ContainsFunc(all, func(f fresh[F]) bool { return f.t == t && f.b == b })
}

// reset takes the pass back over those of the streams [b0, b1) that began anew before
// step t: the gradients [B, n] of the state there are no one's business, and the rows
// hold again what the step before came to.
func reset[F Float](all []fresh[F], t, b0, b1, n int, gradients ...[]F) {
	for i := range all {
		if f := &all[i]; f.t == t && b0 <= f.b && f.b < b1 {
			f.exchange()
			for _, d := range gradients {
				clear(d[f.b*n : (f.b+1)*n])
			}
		}
	}
}
