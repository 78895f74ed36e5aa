package kernel

// A tileFunc multiplies a few rows of A with one panel of B, or two, with all
// sums in registers. The last of its vectors has cols columns.
type tileFunc func(k int, a *float32, rs, ks int, b *float32, alpha, beta float32, c *float32, ldc, cols int)

// tiling is a level's set of tiles, by vectors and rows. A panel is two vectors
// wide; tiles of at most few rows take two panels at a time.
type tiling struct {
	lanes, rows, few int
	tile             [5][15]tileFunc
}

func (t *tiling) width() int { return 2 * t.lanes }

// mulPanels is mulPanels in float32. The rows are dealt evenly to the tiles, and
// each takes its way along a group of panels: writing C along its rows costs far
// fewer cache and page misses than writing it panel by panel.
func (t *tiling) mulPanels(m, n, k int, alpha float32, a []float32, rs, ks int, b []float32, beta float32, c []float32, ldc int) {
	width := t.width()
	if m <= t.few {
		width *= 2
	}
	group := groupColumns(k, width)
	for j0 := 0; j0 < n; j0 += group {
		j1 := min(j0+group, n)
		i := 0
		for left := (m + t.rows - 1) / t.rows; left > 0; left-- {
			rows := (m - i + left - 1) / left
			for j := j0; j < j1; j += width {
				cols := min(width, j1-j)
				vecs := (cols + t.lanes - 1) / t.lanes
				t.tile[vecs][rows](k, &a[i*rs], rs, ks, &b[j*k], alpha, beta, &c[i*ldc+j], ldc, cols-(vecs-1)*t.lanes)
			}
			i += rows
		}
	}
}

// transpose packs eight rows of a transposed matrix, see packPanel.
func transpose(k int, src []float32, ld int, dst []float32, ldd int) {
	whole := k &^ 7
	if whole > 0 {
		transpose8AVX2(whole, &src[0], ld, &dst[0], ldd)
	}
	for p := whole; p < k; p++ {
		for j := range 8 {
			dst[p*ldd+j] = src[j*ld+p]
		}
	}
}

var tilesAVX2 = tiling{lanes: 8, rows: 6, few: 2, tile: [5][15]tileFunc{
	1: {1: tile1x1AVX2, 2: tile2x1AVX2, 3: tile3x1AVX2, 4: tile4x1AVX2, 5: tile5x1AVX2, 6: tile6x1AVX2},
	2: {1: tile1x2AVX2, 2: tile2x2AVX2, 3: tile3x2AVX2, 4: tile4x2AVX2, 5: tile5x2AVX2, 6: tile6x2AVX2},
	3: {1: tile1x3AVX2, 2: tile2x3AVX2},
	4: {1: tile1x4AVX2, 2: tile2x4AVX2},
}}

var tilesAVX512 = tiling{lanes: 16, rows: 14, few: 6, tile: [5][15]tileFunc{
	1: {
		1: tile1x1AVX512, 2: tile2x1AVX512, 3: tile3x1AVX512, 4: tile4x1AVX512, 5: tile5x1AVX512,
		6: tile6x1AVX512, 7: tile7x1AVX512, 8: tile8x1AVX512, 9: tile9x1AVX512, 10: tile10x1AVX512,
		11: tile11x1AVX512, 12: tile12x1AVX512, 13: tile13x1AVX512, 14: tile14x1AVX512,
	},
	2: {
		1: tile1x2AVX512, 2: tile2x2AVX512, 3: tile3x2AVX512, 4: tile4x2AVX512, 5: tile5x2AVX512,
		6: tile6x2AVX512, 7: tile7x2AVX512, 8: tile8x2AVX512, 9: tile9x2AVX512, 10: tile10x2AVX512,
		11: tile11x2AVX512, 12: tile12x2AVX512, 13: tile13x2AVX512, 14: tile14x2AVX512,
	},
	3: {1: tile1x3AVX512, 2: tile2x3AVX512, 3: tile3x3AVX512, 4: tile4x3AVX512, 5: tile5x3AVX512, 6: tile6x3AVX512},
	4: {1: tile1x4AVX512, 2: tile2x4AVX512, 3: tile3x4AVX512, 4: tile4x4AVX512, 5: tile5x4AVX512, 6: tile6x4AVX512},
}}
