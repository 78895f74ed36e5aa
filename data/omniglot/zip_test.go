package omniglot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/engram-lm/engram/internal/badfile"
)

func wantBad(t *testing.T, name string, err error, want string) {
	t.Helper()
	var bad *badfile.Error
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: error %v, want one line with %q", name, err, want)
	}
}

func readBytes(b []byte) ([]*Character, error) {
	return read("x.zip", bytes.NewReader(b), int64(len(b)))
}

// with returns a letter's files, the named one of which is another.
func with(t *testing.T, i int, f file) []file {
	files := letter(t, "Greek", 1, 10)
	if f.name == "" {
		f.name = files[i].name
	}
	files[i] = f
	return files
}

func TestZipRefused(t *testing.T) {
	whole := letter(t, "Greek", 1, 10)
	good := makeZip(t, 0, whole)
	at := bytes.Index(good, whole[2].content)
	altered := slices.Clone(good)
	altered[at+50] ^= 1
	method := slices.Clone(good)
	method[bytes.Index(good, []byte("PK\x01\x02"))+10] = 99
	large := slices.Clone(good) // says that its first drawing has 65,535 bytes
	copy(large[bytes.Index(good, []byte("PK\x01\x02"))+24:], []byte{0xff, 0xff, 0, 0})
	shared := slices.Clone(good) // says that its first drawing takes up the whole zip
	copy(shared[bytes.Index(good, []byte("PK\x01\x02"))+20:], []byte{byte(len(good)), byte(len(good) >> 8), 0, 0})
	liar := makeZip(t, 8, with(t, 3, file{"", make([]byte, 4*maxPNG)}))
	central := bytes.Index(liar, []byte("PK\x01\x02"))
	for range 3 {
		central += 4 + bytes.Index(liar[central+4:], []byte("PK\x01\x02"))
	}
	copy(liar[central+24:], []byte{100, 0, 0, 0})
	for _, c := range []struct {
		name string
		zip  []byte
		want string
	}{
		{"empty", nil, "x.zip: is no zip archive"},
		{"other kind", []byte(strings.Repeat("no zip", 100)), "x.zip: is no zip archive"},
		{"cut", good[:len(good)-10], "is no zip archive"},
		{"altered", altered, "x.zip: " + whole[2].name + ": cannot be unpacked: zip: checksum error"},
		{"unknown method", method, whole[0].name + ": cannot be unpacked: zip: unsupported compression"},
		{"said to be large", large, whole[0].name + ": unpacks to 65535 bytes; want at most 16384"},
		{"larger than said", liar, whole[3].name + ": cannot be unpacked: zip: not a valid zip file"},
		{"overlapping", shared, whole[0].name + ": makes the entries larger than the zip"},
		{"no drawing in it", makeZip(t, 8, []file{{"root/", nil}}), "holds no drawings"},
		{"misplaced", makeZip(t, 8, []file{{"Greek/character01/0001_01.png", nil}}), "is no drawing's name; want ROOT/Greek"},
		{"climbing", makeZip(t, 8, []file{{"root/../character01/0001_01.png", nil}}), "is no drawing's name"},
		{"control character", makeZip(t, 8, []file{{"root/a\nb/character01/0001_01.png", nil}}), "is no drawing's name"},
		{"other file", makeZip(t, 8, append(whole, file{"root/readme.txt", nil})), "root/readme.txt: is no drawing's name"},
		{"drawer 0", makeZip(t, 8, with(t, 0, file{"root/Greek/character01/0001_00.png", nil})), "is of drawer 00; want 01 to 20"},
		{"drawer 21", makeZip(t, 8, append(whole, file{"root/Greek/character01/0001_21.png", nil})), "is of drawer 21"},
		{"one missing", makeZip(t, 8, append(whole[:19:19], letter(t, "Zulu", 1, 1)...)), "Greek/character01: has not one drawing of each drawer"},
		{"last missing", makeZip(t, 8, whole[:19]), "Greek/character01: has not one drawing of each drawer"},
		{"one twice", makeZip(t, 8, append(whole, whole[4])), "Greek/character01: has not one drawing of each drawer"},
		{"one in another's place", makeZip(t, 8, with(t, 5, whole[4])), "Greek/character01: has not one drawing of each drawer"},
		{"no image", makeZip(t, 8, with(t, 5, file{"", []byte("x")})), whole[5].name + ": is no drawing"},
		{"wide image", makeZip(t, 8, with(t, 5, file{"", makePNG(t, 6000, 1, func(x, y int) bool { return false })})), whole[5].name + ": is 6000 x 1 pixels; want 105 x 105"},
	} {
		characters, err := readBytes(c.zip)
		wantBad(t, c.name, err, c.want)
		if characters != nil {
			t.Errorf("%s: characters beside an error", c.name)
		}
	}
}

// At any number of workers the error is that of the first bad drawing.
func TestFirstErrorIsReported(t *testing.T) {
	var files []file
	for i := range 5 {
		files = append(files, letter(t, "Greek", i+1, i)...)
	}
	for _, i := range []int{30, 50, 90} {
		files[i].content = []byte("x")
	}
	b := makeZip(t, 0, files)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, workers := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(workers)
		_, err := readBytes(b)
		wantBad(t, "three bad drawings", err, files[30].name)
	}
}

func TestDiskErrorsStay(t *testing.T) {
	if _, err := readFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: error %v", err)
	}
	_, err := readFile(t.TempDir())
	wantBad(t, "a folder", err, "is no regular file")
	path := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(path, makeZip(t, 8, letter(t, "Greek", 1, 10)), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	var disk *fs.PathError
	if _, err := read(path, f, info.Size()); !errors.As(err, &disk) {
		t.Errorf("a closed file: error %v, want that of the disk", err)
	}
}

// heldBy returns what f's result takes, and the bytes that were in use at most
// (garbage too) while it ran.
func heldBy[T any](f func() T) (result T, held, peak int64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop, done := make(chan bool), make(chan int64)
	go func() {
		var s runtime.MemStats
		for most := int64(0); ; {
			select {
			case <-stop:
				done <- most
				return
			default:
				runtime.ReadMemStats(&s)
				most = max(most, int64(s.HeapAlloc)-int64(before.HeapAlloc))
				time.Sleep(time.Millisecond)
			}
		}
	}()
	result = f()
	close(stop)
	peak = <-done
	runtime.GC()
	runtime.ReadMemStats(&after)
	return result, int64(after.HeapAlloc) - int64(before.HeapAlloc), peak
}

// The zips that ask for the most memory by the byte: tiny drawings, overlapping
// entries, names alone.
func TestMemoryIsBounded(t *testing.T) {
	paper := makePNG(t, original, original, func(x, y int) bool { return false })
	var dense, bare []file
	for i := range 20 * Drawings {
		name := fmt.Sprintf("r/A/character%d/1_%02d.png", i/Drawings, i%Drawings+1)
		dense = append(dense, file{name, paper})
		bare = append(bare, file{"/", nil})
	}
	for name, files := range map[string][]file{"dense": dense, "bare": bare} {
		b := makeZip(t, 8, files)
		characters, held, peak := heldBy(func() []*Character {
			characters, err := readBytes(b)
			if (err == nil) != (name == "dense") {
				t.Errorf("%s: %v", name, err)
			}
			return characters
		})
		t.Logf("%s: %d KiB kept, %d KiB at most, for a zip of %d KiB", name, held>>10, peak>>10, len(b)>>10)
		if limit := int64(8 * len(b)); held > limit {
			t.Errorf("%s: %d bytes kept; want at most %d", name, held, limit)
		}
		if limit := int64(64<<20 + 8*len(b)); peak > limit {
			t.Errorf("%s: %d bytes in use; want at most %d", name, peak, limit)
		}
		runtime.KeepAlive(characters)
	}
	_, _, peak := heldBy(func() error {
		_, err := read("x.zip", nil, maxZip+1)
		wantBad(t, "a large zip", err, "want at most 16777216")
		return err
	})
	if peak > 1<<20 {
		t.Errorf("%d bytes in use for a refusal", peak)
	}
}

// FuzzZip: a typed error in one line, or whole characters, no more of them than
// the zip has room for, in order.
func FuzzZip(f *testing.F) {
	f.Add(makeZip(f, 0, letter(f, "Greek", 1, 10)))
	f.Add(makeZip(f, 8, letter(f, "Greek", 1, 10)))
	f.Add(makeZip(f, 0, append(letter(f, "A", 1, 1), letter(f, "B", 1, 2)...)))
	f.Add(makeZip(f, 0, []file{{"root/", nil}, {"root/Greek/character01/0001_01.png", nil}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		characters, err := readBytes(b)
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.Contains(err.Error(), "\n") || characters != nil {
				t.Fatalf("error %v, want a typed one in one line", err)
			}
			return
		}
		if n := len(characters); n == 0 || n*Drawings*2*header > len(b) {
			t.Fatalf("%d characters in %d bytes", n, len(b))
		}
		for i, c := range characters {
			if c.Alphabet == "" || c.Name == "" || i > 0 && compare(characters[i-1], c) >= 0 {
				t.Fatalf("character %d is %q/%q, out of order", i, c.Alphabet, c.Name)
			}
		}
	})
}

// FuzzDrawing: an error, or a drawing whose turns are one another's.
func FuzzDrawing(f *testing.F) {
	f.Add(bar(f, 3))
	f.Add(makePNG(f, original, original, func(x, y int) bool { return (x*y)%7 == 0 }))
	f.Add(makePNG(f, 1, 1, func(x, y int) bool { return true }))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decode(b)
		if err != nil {
			if d != (Drawing{}) {
				t.Fatal("a drawing beside an error")
			}
			return
		}
		var turned Drawing
		var ink [Pixels]float32
		d.Ink(ink[:], 1)
		for i, v := range ink {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("pixel %d is %v", i, v)
			}
			turned[i] = uint8(v*255 + 0.5)
		}
		turned.Ink(ink[:], 3)
		for i, v := range ink {
			if uint8(v*255+0.5) != d[i] {
				t.Fatalf("pixel %d is %v after four quarters, was %d", i, v, d[i])
			}
		}
	})
}

// BenchmarkOpen reads the small set, where it is at hand.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		if _, err := Open("omniglot-small", filepath.Join("..", "sets")); err != nil {
			b.Fatal(err)
		}
	}
}
