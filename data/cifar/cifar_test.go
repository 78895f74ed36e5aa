package cifar

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/rng"
)

// batch is a file of n images with the labels first, first+1, ... mod 10.
func batch(first, n int) []byte {
	random := rng.New(uint64(first), "batch")
	var b []byte
	for i := range n {
		b = append(b, byte((first+i)%Classes))
		for range record - 1 {
			b = append(b, byte(random.Uint32()))
		}
	}
	return b
}

func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func labels(m *Images) (found []int) {
	for i := range m.Len() {
		found = append(found, m.Label(i))
	}
	return found
}

// The split: by file where the test file is there, else the last tenth.
func TestOpen(t *testing.T) {
	whole := map[string][]byte{"test_batch.bin": batch(7, 2), "batches.meta.txt": []byte("x")}
	for i, name := range []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"} {
		whole[name] = batch(i, 1)
	}
	for _, c := range []struct {
		name        string
		files       map[string][]byte
		train, test []int
	}{
		{"whole", whole, []int{0, 1, 2, 3, 4}, []int{7, 8}},
		{"sample", map[string][]byte{"data_batch_1.bin": batch(3, 20)}, []int{3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0}, []int{1, 2}},
		{"two files", map[string][]byte{"data_batch_1.bin": batch(0, 6), "data_batch_2.bin": batch(6, 4)}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, []int{9}},
		{"few", map[string][]byte{"data_batch_1.bin": batch(0, 2)}, []int{0}, []int{1}},
	} {
		dir := folder(t, c.files)
		s, err := Open(dir, "")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Name != filepath.Base(dir) || s.Dir != dir {
			t.Errorf("%s: %q in %s", c.name, s.Name, s.Dir)
		}
		if train, test := labels(s.Train), labels(s.Test); !slices.Equal(train, c.train) || !slices.Equal(test, c.test) {
			t.Errorf("%s: labels %v and %v held out, want %v and %v", c.name, train, test, c.train, c.test)
		}
	}
}

// The files follow one another, and the held-out images are the last, pixel by
// pixel.
func TestHeldOutPatterns(t *testing.T) {
	b := batch(0, 10)
	s, err := Open(folder(t, map[string][]byte{"data_batch_1.bin": b[:4*record], "data_batch_2.bin": b[4*record:]}), "")
	if err != nil {
		t.Fatal(err)
	}
	all := read(t, b)
	got, want := make([]float32, Pixels), make([]float32, Pixels)
	for i := range 10 {
		all.Pattern(want, i)
		if i < 9 {
			s.Train.Pattern(got, i)
		} else {
			s.Test.Pattern(got, i-9)
		}
		if !slices.Equal(got, want) {
			t.Errorf("image %d is another one after the cut", i)
		}
	}
}

func read(t testing.TB, b []byte) *Images {
	t.Helper()
	m := new(Images)
	if err := m.read("batch", bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return m
}

// By hand: the planes are red, green, blue, and count alike.
func TestPattern(t *testing.T) {
	b := make([]byte, 2*record)
	b[1+5], b[1+Pixels+5], b[1+2*Pixels+5] = 100, 255, 157 // pixel 5 of image 0: 512 in all
	b[1+2*Pixels+6] = 255                                  // pixel 6
	b[record] = 9                                          // image 1 is black
	m := read(t, b)
	got := make([]float32, Pixels)
	m.Pattern(got, 0)
	const mean = (512.0 + 255.0) / Pixels
	for i, v := range got {
		want := -mean
		switch i {
		case 5:
			want += 512
		case 6:
			want += 255
		}
		want /= 512 - mean
		if !(math.Abs(float64(v)-want) <= 1e-7) {
			t.Fatalf("pixel %d is %v, want %v", i, v, want)
		}
	}
	m.Pattern(got, 1)
	if !slices.Equal(got, make([]float32, Pixels)) || m.Label(1) != 9 {
		t.Errorf("a black image, labelled %d, is not all zeros", m.Label(1))
	}
}

// normal reports what is wrong with a pattern of any image.
func normal(p []float32) string {
	var sum, greatest float64
	for _, v := range p {
		if math.IsNaN(float64(v)) {
			return "holds NaN"
		}
		sum += float64(v)
		greatest = max(greatest, math.Abs(float64(v)))
	}
	if !(math.Abs(sum) <= 1e-3) {
		return "has not zero mean"
	}
	if greatest != 1 && greatest != 0 {
		return "has not the greatest absolute value 1"
	}
	return ""
}

func TestPatternsAreNormal(t *testing.T) {
	m := read(t, batch(0, 50))
	p := make([]float32, Pixels)
	for i := range m.Len() {
		if m.Pattern(p, i); normal(p) != "" || p[0] == 0 {
			t.Errorf("image %d %s", i, normal(p))
		}
	}
}

func TestRefused(t *testing.T) {
	label := batch(0, 3)
	label[2*record] = 10
	one := batch(0, 1)
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"empty folder", nil, "data_batch_1.bin: is missing: want the binary version of CIFAR-10"},
		{"only test", map[string][]byte{"test_batch.bin": one}, "data_batch_1.bin: is missing"},
		{"gap", map[string][]byte{"data_batch_1.bin": one, "data_batch_4.bin": one}, "data_batch_2.bin: is missing: want it beside data_batch_4.bin"},
		{"no test", map[string][]byte{"data_batch_1.bin": one, "data_batch_2.bin": one, "data_batch_3.bin": one, "data_batch_4.bin": one, "data_batch_5.bin": one}, "test_batch.bin: is missing"},
		{"empty", map[string][]byte{"data_batch_1.bin": {}}, "data_batch_1.bin: has 0 bytes; want a multiple of 3073"},
		{"cut", map[string][]byte{"data_batch_1.bin": one[:record-1]}, "has 3072 bytes; want a multiple of 3073"},
		{"long", map[string][]byte{"data_batch_1.bin": append(batch(0, 2), 0)}, "has 6147 bytes"},
		{"label", map[string][]byte{"data_batch_1.bin": label}, "data_batch_1.bin: image 2 has the label 10; want 0 to 9"},
		{"label of the test", map[string][]byte{"data_batch_1.bin": one, "test_batch.bin": label}, "test_batch.bin: image 2 has the label 10"},
		{"one image", map[string][]byte{"data_batch_1.bin": one}, "has 1 image; want 2 or more"},
	} {
		s, err := Open(folder(t, c.files), "")
		var bad *badfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || s != nil {
			t.Errorf("%s: %v, error %v, want one line with %q", c.name, s, err, c.want)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data_batch_1.bin"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, ""); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a folder in a file's place: error %v", err)
	}
}

// A file that says it is larger than any, or shrinks while it is read, costs no
// memory to speak of.
func TestSizes(t *testing.T) {
	var bad *badfile.Error
	m := new(Images)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := m.read("batch", nil, (most+1)*record)
	runtime.ReadMemStats(&after)
	if m.Len() > 0 || !errors.As(err, &bad) || !strings.Contains(err.Error(), "has 60001 images; want at most 60000") {
		t.Errorf("error %v", err)
	}
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<16 {
		t.Errorf("%d bytes allocated for a refusal", spent)
	}
	err = new(Images).read("batch", bytes.NewReader(batch(0, 2)), 3*record)
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "ends in image 2 of 3") {
		t.Errorf("error %v", err)
	}
	err = new(Images).read("batch", iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(batch(0, 1)))), record)
	if errors.As(err, &bad) || !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a failing disk: error %v", err)
	}
	b := make([]byte, 2000*record)
	runtime.ReadMemStats(&before)
	read(t, b)
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 2*uint64(len(b)) {
		t.Errorf("%d bytes allocated to read %d", spent, len(b))
	}
}

// The real images, where they are at hand.
func TestSampleOfCIFAR10(t *testing.T) {
	dir := filepath.Join("..", "sets", "cifar-10-sample")
	if _, err := os.Stat(dir); err != nil {
		t.Logf("NOT READ: data/sets/cifar-10-sample is not there; scripts/download --from MIRROR cifar-10-sample puts it there")
		return
	}
	s, err := Open("cifar-10-sample", filepath.Join("..", "sets"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "cifar-10-sample" || s.Train.Len() != 900 || s.Test.Len() != 100 {
		t.Fatalf("%s: %d images and %d held out, want 900 and 100", s.Name, s.Train.Len(), s.Test.Len())
	}
	var count [Classes]int
	p := make([]float32, Pixels)
	smooth := 0.0
	for _, m := range []*Images{s.Train, s.Test} {
		for i := range m.Len() {
			count[m.Label(i)]++
			m.Pattern(p, i)
			if problem := normal(p); problem != "" {
				t.Errorf("image %d %s", i, problem)
			}
			// Neighbours in a photograph are alike, which a wrong layout undoes.
			var step, power float64
			for j := 1; j < Pixels; j++ {
				if j%Side > 0 {
					step += math.Pow(float64(p[j]-p[j-1]), 2)
				}
				power += math.Pow(float64(p[j]), 2)
			}
			smooth += step / power / 1000
		}
	}
	if count != [Classes]int{100, 100, 100, 100, 100, 100, 100, 100, 100, 100} {
		t.Errorf("images a class: %v, want 100 each", count)
	}
	if !(smooth <= 0.5) {
		t.Errorf("neighbouring pixels differ by %.2f of the variance on average, want well under the 2 of noise", smooth)
	}
}

// FuzzRead: a typed error in one line, or whole images with normal patterns;
// and no more memory than the file's size.
func FuzzRead(f *testing.F) {
	f.Add(batch(0, 1))
	f.Add(batch(8, 2))
	f.Add(make([]byte, record))
	f.Add(batch(0, 1)[:100])
	f.Add(bytes.Repeat([]byte{10}, record))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := new(Images)
		if err := m.read("batch", bytes.NewReader(b), int64(len(b))); err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.Contains(err.Error(), "\n") || errors.Is(err, io.EOF) {
				t.Fatalf("error %v, want a typed one in one line", err)
			}
			return
		}
		if m.Len()*record != len(b) || cap(m.sums)*2+cap(m.labels) > len(b)+4096 {
			t.Fatalf("%d images in %d + %d bytes from %d", m.Len(), cap(m.sums)*2, cap(m.labels), len(b))
		}
		p := make([]float32, Pixels)
		for i := range m.Len() {
			if l := m.Label(i); l < 0 || l >= Classes {
				t.Fatalf("label %d", l)
			}
			m.Pattern(p, i)
			if problem := normal(p); problem != "" {
				t.Fatalf("image %d %s", i, problem)
			}
		}
	})
}
