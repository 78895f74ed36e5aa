package kernel

// A stripTile multiplies the first rows of a strip of A with a panel of B, whose rows
// are ldb apart, all sums in registers. The last of its vectors has cols columns, and
// with masks it reads no others. It prefetches next and what follows at a stride and
// in steps, of two of k.
type stripTile func(k int, a, b *float32, ldb int, alpha, beta float32, c *float32, ldc, cols int, next *float32, stride, step int)

// A rowTile does so for rows of A as they lie, rs apart, and up to four panels.
type rowTile func(k int, a *float32, rs int, b *float32, alpha, beta float32, c *float32, ldc, cols int)

// A gatherTile does so for rows of A, D and C at offsets, see Gathered; without D if
// add is nil. Under a mask it reads and writes the last vector's cols columns.
type gatherTile func(k int, a *float32, rows, columns *int32, b *float32, ldb int, add *float32, from *int32, c *float32, to *int32, cols int)

// tiling is a level's set of tiles, by vectors and rows. A panel is two vectors
// wide.
type tiling struct {
	lanes  int
	mr     int              // rows of a strip
	few    int              // rows of the largest rowTile
	strips [3][15]stripTile // those of 0 vectors take half a one
	rows   [7][9]rowTile    // by rows and vectors
	wide   [7]int           // the most panels of a rowTile, by rows

	gathers [7][]gatherTile // by rows and vectors
}

func (t *tiling) nr() int { return 2 * t.lanes }

// mulStrip is mulStrip in float32.
func (t *tiling) mulStrip(m, n, k int, alpha float32, strip, b []float32, ldb int, beta float32, c []float32, ldc int, ahead *upcoming[float32], tile int) {
	column := 1 // elements from one column to the next
	if ldb == 0 {
		ldb, column = t.nr(), k
	}
	for j := 0; j < n; j += t.nr() {
		next, stride, step := &strip[0], 0, 0
		if ahead != nil {
			var first int
			first, stride, step = ahead.lines(tile, k)
			next = &ahead.x[first]
			tile++
		}
		vecs, cols := t.split(min(t.nr(), n-j))
		if vecs == 1 && cols <= t.lanes/2 && t.strips[0][m] != nil {
			vecs = 0
		}
		t.strips[vecs][m](k, &strip[0], &b[j*column], ldb, alpha, beta, &c[j], ldc, cols, next, stride, step)
	}
}

// split cuts columns into vectors and returns their number and the columns of
// the last.
func (t *tiling) split(columns int) (vecs, last int) {
	vecs = (columns + t.lanes - 1) / t.lanes
	return vecs, columns - (vecs-1)*t.lanes
}

// mulRows is mulRows in float32. The panels are dealt evenly to the tiles.
func (t *tiling) mulRows(m, n, k int, a []float32, lda int, b []float32, beta float32, c []float32, ldc int) {
	panels := (n + t.nr() - 1) / t.nr()
	for left := (panels + t.wide[m] - 1) / t.wide[m]; left > 0; left-- {
		count := (panels + left - 1) / left
		vecs, cols := t.split(min(count*t.nr(), n))
		t.rows[m][vecs](k, &a[0], lda, &b[0], 1, beta, &c[0], ldc, cols)
		if left > 1 {
			panels -= count
			n, b, c = n-count*t.nr(), b[count*t.nr()*k:], c[count*t.nr():]
		}
	}
}

// mulGathered is mulGathered in float32. Columns that fill the widest tile are taken
// through all rows before the next ones.
func (t *tiling) mulGathered(x []float32, rows, columns []int32, n int, b []float32, ldb int, d []float32, from []int32, c []float32, to []int32) {
	most := len(t.gathers) - 1
	_, height := deal(len(rows), most)
	width := (len(t.gathers[most]) - 1) * t.lanes
	for j := 0; j < n; j += width {
		vecs, cols := t.split(min(n-j, width))
		for i := 0; i < len(rows); i += height {
			var add *float32
			if d != nil {
				add = &d[j]
			}
			at := &firstRow[0]
			if from != nil {
				at = &from[i]
			}
			t.gathers[min(height, len(rows)-i)][vecs](len(columns), &x[0], &rows[i], &columns[0], &b[j], ldb, add, at, &c[j], &to[i], cols)
		}
	}
}

// firstRow are the offsets of a row that serves for all.
var firstRow [6]int32

// transpose8 packs eight rows of a transposed matrix: dst [k, 8] = the transpose
// of src [8, k], for k >= 8. Its last block overlaps the one before.
func transpose8(k int, src []float32, ld int, dst []float32, ldd int) {
	transpose8AVX2(k&^7, &src[0], ld, &dst[0], ldd)
	if k%8 != 0 {
		transpose8AVX2(8, &src[k-8], ld, &dst[(k-8)*ldd], ldd)
	}
}

var tilesAVX2 = tiling{
	lanes: 8, mr: 6, few: 2,
	strips: [3][15]stripTile{
		1: {
			1: strip1x1AVX2, 2: strip2x1AVX2, 3: strip3x1AVX2, 4: strip4x1AVX2, 5: strip5x1AVX2,
			6: strip6x1AVX2,
		},
		2: {
			1: strip1x2AVX2, 2: strip2x2AVX2, 3: strip3x2AVX2, 4: strip4x2AVX2, 5: strip5x2AVX2,
			6: strip6x2AVX2,
		},
	},
	rows: [7][9]rowTile{
		1: {1: rows1x1AVX2, 2: rows1x2AVX2, 3: rows1x3AVX2, 4: rows1x4AVX2, 5: rows1x5AVX2, 6: rows1x6AVX2, 7: rows1x7AVX2, 8: rows1x8AVX2},
		2: {1: rows2x1AVX2, 2: rows2x2AVX2, 3: rows2x3AVX2, 4: rows2x4AVX2},
	},
	wide: [7]int{1: 4, 2: 2},
	gathers: [7][]gatherTile{
		1: {1: gather1x1AVX2, 2: gather1x2AVX2},
		2: {1: gather2x1AVX2, 2: gather2x2AVX2},
		3: {1: gather3x1AVX2, 2: gather3x2AVX2},
		4: {1: gather4x1AVX2, 2: gather4x2AVX2},
		5: {1: gather5x1AVX2, 2: gather5x2AVX2},
		6: {1: gather6x1AVX2, 2: gather6x2AVX2},
	},
}

var tilesAVX512 = tiling{
	lanes: 16, mr: 14, few: 6,
	strips: [3][15]stripTile{
		1: {
			1: strip1x1AVX512, 2: strip2x1AVX512, 3: strip3x1AVX512, 4: strip4x1AVX512, 5: strip5x1AVX512,
			6: strip6x1AVX512, 7: strip7x1AVX512, 8: strip8x1AVX512, 9: strip9x1AVX512, 10: strip10x1AVX512,
			11: strip11x1AVX512, 12: strip12x1AVX512, 13: strip13x1AVX512, 14: strip14x1AVX512,
		},
		0: {
			1: strip1xHalfAVX512, 2: strip2xHalfAVX512, 3: strip3xHalfAVX512, 4: strip4xHalfAVX512, 5: strip5xHalfAVX512,
			6: strip6xHalfAVX512, 7: strip7xHalfAVX512, 8: strip8xHalfAVX512, 9: strip9xHalfAVX512, 10: strip10xHalfAVX512,
			11: strip11xHalfAVX512, 12: strip12xHalfAVX512, 13: strip13xHalfAVX512, 14: strip14xHalfAVX512,
		},
		2: {
			1: strip1x2AVX512, 2: strip2x2AVX512, 3: strip3x2AVX512, 4: strip4x2AVX512, 5: strip5x2AVX512,
			6: strip6x2AVX512, 7: strip7x2AVX512, 8: strip8x2AVX512, 9: strip9x2AVX512, 10: strip10x2AVX512,
			11: strip11x2AVX512, 12: strip12x2AVX512, 13: strip13x2AVX512, 14: strip14x2AVX512,
		},
	},
	rows: [7][9]rowTile{
		1: {1: rows1x1AVX512, 2: rows1x2AVX512, 3: rows1x3AVX512, 4: rows1x4AVX512, 5: rows1x5AVX512, 6: rows1x6AVX512, 7: rows1x7AVX512, 8: rows1x8AVX512},
		2: {1: rows2x1AVX512, 2: rows2x2AVX512, 3: rows2x3AVX512, 4: rows2x4AVX512, 5: rows2x5AVX512, 6: rows2x6AVX512, 7: rows2x7AVX512, 8: rows2x8AVX512},
		3: {1: rows3x1AVX512, 2: rows3x2AVX512, 3: rows3x3AVX512, 4: rows3x4AVX512, 5: rows3x5AVX512, 6: rows3x6AVX512, 7: rows3x7AVX512, 8: rows3x8AVX512},
		4: {1: rows4x1AVX512, 2: rows4x2AVX512, 3: rows4x3AVX512, 4: rows4x4AVX512},
		5: {1: rows5x1AVX512, 2: rows5x2AVX512, 3: rows5x3AVX512, 4: rows5x4AVX512},
		6: {1: rows6x1AVX512, 2: rows6x2AVX512, 3: rows6x3AVX512, 4: rows6x4AVX512},
	},
	wide: [7]int{1: 4, 2: 4, 3: 4, 4: 2, 5: 2, 6: 2},
	gathers: [7][]gatherTile{
		1: {1: gather1x1AVX512, 2: gather1x2AVX512, 3: gather1x3AVX512, 4: gather1x4AVX512},
		2: {1: gather2x1AVX512, 2: gather2x2AVX512, 3: gather2x3AVX512, 4: gather2x4AVX512},
		3: {1: gather3x1AVX512, 2: gather3x2AVX512, 3: gather3x3AVX512, 4: gather3x4AVX512},
		4: {1: gather4x1AVX512, 2: gather4x2AVX512, 3: gather4x3AVX512, 4: gather4x4AVX512},
		5: {1: gather5x1AVX512, 2: gather5x2AVX512, 3: gather5x3AVX512, 4: gather5x4AVX512},
		6: {1: gather6x1AVX512, 2: gather6x2AVX512, 3: gather6x3AVX512, 4: gather6x4AVX512},
	},
}
