package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// gathered are shapes m, n, k that meet every tile, masks, and blocks of k.
var gathered = [][3]int{
	{1, 1, 1}, {2, 3, 5}, {3, 16, 9}, {4, 33, 17}, {5, 64, 2}, {6, 64, 8}, {7, 31, 40}, {13, 130, 3}, {20, 20, 385}, {9, 64, 801}, {25, 100, 144}, {3, 4, 0}, {0, 3, 2}, {3, 0, 2},
}

// scattered returns n different offsets below n, each times size.
func scattered(r *rand.Rand, n, size int) []int32 {
	x := make([]int32, n)
	for i, at := range r.Perm(n) {
		x[i] = int32(at * size)
	}
	return x
}

// A gathered product is Gemm's of the matrix written out, in every bit, whatever it
// adds and wherever its rows lie.
func TestGathered(t *testing.T) {
	atEveryLevel(t, testGathered[float32])
	testGathered[float64](t)
}

func testGathered[F Float](t *testing.T) {
	r := newRand(21)
	for _, s := range gathered {
		m, n, k := s[0], s[1], s[2]
		ldb, ldc := n+2, n+3
		a := Gathered[F]{X: normal[F](r, m+2*k+1), Rows: scattered(r, m, 1), Columns: scattered(r, k, 2)} // rows overlap
		whole := make([]F, m*k)
		for i, row := range a.Rows {
			for p, column := range a.Columns {
				whole[i*k+p] = a.X[row+column]
			}
		}
		b, d, bias := normal[F](r, k*ldb), normal[F](r, m*ldc), normal[F](r, n)
		to, from := scattered(r, m, ldc), scattered(r, m, ldc)
		for _, c := range []struct {
			name string
			add  []F
			from []int32
		}{{"alone", nil, nil}, {"added to another", d, from}, {"with a bias", bias, nil}} {
			want := slices.Repeat([]F{7}, m*ldc)
			start := make([]F, m*n)
			for i := range m {
				switch {
				case c.from != nil:
					copy(start[i*n:(i+1)*n], c.add[c.from[i]:])
				case c.add != nil:
					copy(start[i*n:(i+1)*n], c.add)
				}
			}
			beta := F(1)
			if c.add == nil {
				beta = 0
			}
			reference, size := naive(false, false, m, n, k, 1, whole, k, b, ldb, beta, start, n)
			Gemm(false, false, m, n, k, 1, whole, k, b, ldb, beta, start, n)
			checkProduct(t, m, n, start, n, reference, size)
			for i := range m {
				copy(want[to[i]:], start[i*n:(i+1)*n])
			}
			got := slices.Repeat([]F{7}, m*ldc)
			if c.add == nil { // what C held does not matter
				for i := range m {
					copy(got[to[i]:int(to[i])+n], slices.Repeat([]F{F(math.NaN())}, n))
				}
			}
			a.Mul(n, b, ldb, c.add, c.from, got, to)
			if !slices.Equal(got, want) {
				t.Fatalf("%v %s: other bits than the product of the matrix written out", s, c.name)
			}
		}
		got := slices.Clone(d)
		a.Mul(n, b, ldb, got, to, got, to)
		want := slices.Clone(d)
		a.Mul(n, b, ldb, d, to, want, to)
		if !slices.Equal(got, want) {
			t.Fatalf("%v: other bits where D is C", s)
		}
	}
}

func TestGatheredRefuses(t *testing.T) {
	x := make([]float32, 10)
	for name, f := range map[string]func(){
		"A": func() { Gathered[float32]{x, []int32{0, 5}, []int32{1, 5}}.Mul(1, x, 1, nil, nil, x, []int32{0, 1}) },
		"B": func() { Gathered[float32]{x, []int32{0, 5}, []int32{1, 2}}.Mul(6, x, 6, nil, nil, x, []int32{0, 1}) },
		"C": func() { Gathered[float32]{x, []int32{0, 5}, []int32{1, 2}}.Mul(2, x, 2, nil, nil, x, []int32{0, 9}) },
		"D": func() {
			Gathered[float32]{x, []int32{0, 5}, []int32{1}}.Mul(2, x, 2, x, []int32{9, 0}, x, []int32{0, 2})
		},
		"bias":     func() { Gathered[float32]{x, []int32{0, 5}, []int32{1}}.Mul(2, x, 2, x[:1], nil, x, []int32{0, 2}) },
		"negative": func() { Gathered[float32]{x, []int32{0, -1}, []int32{1}}.Mul(2, x, 2, nil, nil, x, []int32{0, 2}) },
		"rows":     func() { Gathered[float32]{x, []int32{0, 5}, []int32{1}}.Mul(2, x, 2, nil, nil, x, []int32{0}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// Whichever of the offsets leads too far, and whichever is negative.
func TestFurthest(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, n := range sizes {
			x := scattered(newRand(26), n, 3)
			if got, want := furthest(x), 3*max(0, n-1); got != want {
				t.Fatalf("%d offsets: %d, want %d", n, got, want)
			}
			for i := range x {
				func() {
					was := x[i]
					defer func() {
						if x[i] = was; recover() == nil {
							t.Errorf("%d offsets, the %d-th negative: no panic", n, i)
						}
					}()
					x[i] = -1
					furthest(x)
				}()
			}
		}
	})
}

func TestAddRows(t *testing.T) {
	atEveryLevel(t, testAddRows[float32])
	testAddRows[float64](t)
}

func testAddRows[F Float](t *testing.T) {
	r := newRand(22)
	for _, n := range sizes {
		for _, rows := range []int{0, 1, 2, 7} {
			ld := n + 3
			x, got := normal[F](r, rows*ld), normal[F](r, n)
			want := slices.Clone(got)
			for i := range rows {
				for j := range want {
					want[j] += x[i*ld+j]
				}
			}
			AddRows(got, x[:max(0, rows*ld-3)], ld)
			if !slices.Equal(got, want) {
				t.Fatalf("%d rows of %d: %v, want %v", rows, n, got, want)
			}
		}
	}
}

func TestTanhBackward(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(23)
		for _, n := range sizes {
			y, d := normal[float32](r, n), normal[float32](r, n+1)
			want := slices.Clone(d)
			for i, v := range y {
				square := v * v // each rounded
				square *= d[i]
				want[i] = d[i] - square
			}
			if TanhBackward(d[:n], y); !slices.Equal(d, want) {
				t.Fatalf("%d: other bits", n)
			}
		}
	})
}

func TestTranspose(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := newRand(24)
		for _, s := range [][2]int{{1, 1}, {3, 9}, {8, 8}, {9, 8}, {8, 9}, {13, 37}, {64, 64}, {70, 17}} {
			n, k := s[0], s[1]
			ld, ldd := k+1, n+2
			src, got := normal[float32](r, n*ld), normal[float32](r, k*ldd)
			want := slices.Clone(got)
			for i := range n {
				for j := range k {
					want[j*ldd+i] = src[i*ld+j]
				}
			}
			if Transpose(n, k, src, ld, got, ldd); !slices.Equal(got, want) {
				t.Fatalf("%v: not the transpose", s)
			}
		}
	})
}
