package kernel

// Products in bfloat16 with the processor's own instruction. A packed matrix has a
// pair of numbers where one of float32 has a number, in its memory: what moves and
// transposes float32 moves pairs, and the tiles have the same shapes.
var dotsAVX512 = dotRoutines{
	mulStrip: tilesBF16.mulStrip, mulRows: tilesBF16.mulRows,
	packPanel: pairPanel, packStrips: pairStrips, pairRow: pairRowBF16,
}

// pairPanel is packPanel.
func pairPanel(trans bool, k, n, nr int, b []float32, ldb int, dst []float32) {
	steps := (k + 1) / 2
	dst = dst[:steps*nr]
	if n < nr {
		clear(dst)
	}
	if trans {
		pairTranspose(k, n, nr, b, ldb, dst)
		return
	}
	const columns = 16
	pairColumnsBF16(k, n, columns, &b[0], ldb, &dst[0], columns, nr)
}

// pairStrips is packStrips.
func pairStrips(trans bool, k, m, rows, mr int, a []float32, lda int, dst []float32) {
	steps := (k + 1) / 2
	if trans {
		pairColumnsBF16(k, m, rows, &a[0], lda, &dst[0], steps*mr, mr)
		return
	}
	for i := 0; i < m; i += rows {
		pairTranspose(k, min(rows, m-i), mr, a[i*lda:], lda, dst[i/rows*mr*steps:])
	}
}

// pairTranspose computes dst [steps, n] = the transpose of the pairs of src [n, k].
func pairTranspose(k, n, ldd int, src []float32, ld int, dst []float32) {
	pairs := pairBuffers.get()
	if pairs == nil {
		pairs = new([32 * maxKC]float32)
	}
	steps := (k + 1) / 2
	for j := range n {
		pairRowBF16(k, &src[j*ld], &pairs[j*steps])
	}
	transpose(steps, n, ldd, pairs[:], steps, dst)
	pairBuffers.put(pairs)
}

// pairBuffers hold what is to be transposed: the columns of a panel, or fewer rows
// of a strip.
var pairBuffers freeList[[32 * maxKC]float32]

var tilesBF16 = tiling{
	lanes: 16, mr: 14, few: 6,
	strips: [3][15]stripTile{
		1: {
			1: strip1x1BF16, 2: strip2x1BF16, 3: strip3x1BF16, 4: strip4x1BF16, 5: strip5x1BF16,
			6: strip6x1BF16, 7: strip7x1BF16, 8: strip8x1BF16, 9: strip9x1BF16, 10: strip10x1BF16,
			11: strip11x1BF16, 12: strip12x1BF16, 13: strip13x1BF16, 14: strip14x1BF16,
		},
		0: {
			1: strip1xHalfBF16, 2: strip2xHalfBF16, 3: strip3xHalfBF16, 4: strip4xHalfBF16, 5: strip5xHalfBF16,
			6: strip6xHalfBF16, 7: strip7xHalfBF16, 8: strip8xHalfBF16, 9: strip9xHalfBF16, 10: strip10xHalfBF16,
			11: strip11xHalfBF16, 12: strip12xHalfBF16, 13: strip13xHalfBF16, 14: strip14xHalfBF16,
		},
		2: {
			1: strip1x2BF16, 2: strip2x2BF16, 3: strip3x2BF16, 4: strip4x2BF16, 5: strip5x2BF16,
			6: strip6x2BF16, 7: strip7x2BF16, 8: strip8x2BF16, 9: strip9x2BF16, 10: strip10x2BF16,
			11: strip11x2BF16, 12: strip12x2BF16, 13: strip13x2BF16, 14: strip14x2BF16,
		},
	},
	rows: [7][9]rowTile{
		1: {1: rows1x1BF16, 2: rows1x2BF16, 3: rows1x3BF16, 4: rows1x4BF16, 5: rows1x5BF16, 6: rows1x6BF16, 7: rows1x7BF16, 8: rows1x8BF16},
		2: {1: rows2x1BF16, 2: rows2x2BF16, 3: rows2x3BF16, 4: rows2x4BF16, 5: rows2x5BF16, 6: rows2x6BF16, 7: rows2x7BF16, 8: rows2x8BF16},
		3: {1: rows3x1BF16, 2: rows3x2BF16, 3: rows3x3BF16, 4: rows3x4BF16, 5: rows3x5BF16, 6: rows3x6BF16, 7: rows3x7BF16, 8: rows3x8BF16},
		4: {1: rows4x1BF16, 2: rows4x2BF16, 3: rows4x3BF16, 4: rows4x4BF16},
		5: {1: rows5x1BF16, 2: rows5x2BF16, 3: rows5x3BF16, 4: rows5x4BF16},
		6: {1: rows6x1BF16, 2: rows6x2BF16, 3: rows6x3BF16, 4: rows6x4BF16},
	},
	wide: tilesAVX512.wide,
}
