package download

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/data/registry"
)

// member of an archive to be made.
type member struct {
	name, content string
	typ           byte        // of tar; 0 is a regular file
	mode          fs.FileMode // of zip
	link          string
}

func makeTar(t *testing.T, members []member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.typ, Mode: 0o644, Size: int64(len(m.content)), Linkname: m.link}
		if m.typ == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func makeZip(t *testing.T, members []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		h.SetMode(m.mode | 0o644)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackIn writes an archive into a folder and unpacks it there, into "sub/open";
// it returns what then lies beside the archive.
func unpackIn(t *testing.T, name string, archive []byte) (map[string]string, error) {
	t.Helper()
	base := t.TempDir()
	sub := filepath.Join(base, "sub")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(sub, name)
	if err := os.WriteFile(path, archive, 0o666); err != nil {
		t.Fatal(err)
	}
	err := Unpack(t.Context(), path, filepath.Join(sub, "open"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	return tree(t, base), err
}

func TestUnpack(t *testing.T) {
	members := []member{{name: "d/", typ: tar.TypeDir, mode: fs.ModeDir}, {name: "d/a", content: "aaa"}, {name: "./e/f/b", content: "bb"}, {name: "c..d"}}
	want := map[string]string{"sub": "/", "sub/open": "/", "sub/open/d": "/", "sub/open/d/a": "aaa",
		"sub/open/e": "/", "sub/open/e/f": "/", "sub/open/e/f/b": "bb", "sub/open/c..d": ""}
	for name, archive := range map[string][]byte{"x.tar.gz": makeTar(t, members), "x.tgz": makeTar(t, members), "x.zip": makeZip(t, members)} {
		got, err := unpackIn(t, name, archive)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for path := range want {
			if got[path] != want[path] || len(got) != len(want) {
				t.Errorf("%s: unpacked to %q, want %q", name, got, want)
				break
			}
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	huge := []member{{name: "zeros", content: strings.Repeat("\x00", int(safe.ratioFree)+20<<20)}}
	good := makeTar(t, []member{{name: "a", content: strings.Repeat("abc", 1000)}})
	goodZip := makeZip(t, []member{{name: "a", content: strings.Repeat("abc", 1000)}})
	spoilt := bytes.Replace(makeTar(t, []member{{name: "a", content: "x"}}), []byte{0x1f, 0x8b}, []byte{0x1f, 0x8c}, 1)
	flipped := append([]byte(nil), goodZip...)
	flipped[35] ^= 0xff // in the compressed bytes
	for _, c := range []struct {
		name, file string
		archive    []byte
		want       string
	}{
		{"tar ..", "x.tar.gz", makeTar(t, []member{{name: "ok"}, {name: "../evil", content: "x"}}), `the entry "../evil" would lie outside`},
		{"tar inner ..", "x.tar.gz", makeTar(t, []member{{name: "a/../../evil"}}), "would lie outside"},
		{"tar harmless ..", "x.tar.gz", makeTar(t, []member{{name: "a/../b"}}), "would lie outside"},
		{"tar ..", "x.tar.gz", makeTar(t, []member{{name: "..", typ: tar.TypeDir}}), "would lie outside"},
		{"tar absolute", "x.tar.gz", makeTar(t, []member{{name: "/etc/evil"}}), "would lie outside"},
		{"tar backslash", "x.tar.gz", makeTar(t, []member{{name: `..\evil`}}), "would lie outside"},
		{"tar drive", "x.tar.gz", makeTar(t, []member{{name: `C:evil`}}), "would lie outside"},
		{"tar symbolic link", "x.tar.gz", makeTar(t, []member{{name: "l", typ: tar.TypeSymlink, link: "/etc"}, {name: "l/passwd", content: "x"}}), `the entry "l" is a link`},
		{"tar hard link", "x.tar.gz", makeTar(t, []member{{name: "l", typ: tar.TypeLink, link: "../../x"}}), "is a link"},
		{"tar character device", "x.tar.gz", makeTar(t, []member{{name: "d", typ: tar.TypeChar}}), "is of type"},
		{"tar block device", "x.tar.gz", makeTar(t, []member{{name: "d", typ: tar.TypeBlock}}), "is of type"},
		{"tar pipe", "x.tar.gz", makeTar(t, []member{{name: "d", typ: tar.TypeFifo}}), "is of type"},
		{"tar twice", "x.tar.gz", makeTar(t, []member{{name: "a"}, {name: "./a"}}), "is there twice"},
		{"tar file and folder", "x.tar.gz", makeTar(t, []member{{name: "a"}, {name: "a/b"}}), "both a file and a folder"},
		{"tar bomb", "x.tar.gz", makeTar(t, huge), "unpack to too much"},
		{"tar cut", "x.tar.gz", good[:len(good)/2], "x.tar.gz: "},
		{"no gzip", "x.tar.gz", spoilt, "is no gzip file"},
		{"empty", "x.tar.gz", nil, "is no gzip file"},
		{"zip ..", "x.zip", makeZip(t, []member{{name: "ok"}, {name: "../evil", content: "x"}}), `the entry "../evil" would lie outside`},
		{"zip absolute", "x.zip", makeZip(t, []member{{name: "/evil"}}), "would lie outside"},
		{"zip backslash", "x.zip", makeZip(t, []member{{name: `a\..\..\evil`}}), "would lie outside"},
		{"zip symbolic link", "x.zip", makeZip(t, []member{{name: "l", content: "/etc", mode: fs.ModeSymlink}}), "is a link"},
		{"zip device", "x.zip", makeZip(t, []member{{name: "d", mode: fs.ModeDevice}}), "want folders and regular files only"},
		{"zip twice", "x.zip", makeZip(t, []member{{name: "a"}, {name: "a"}}), "is there twice"},
		{"zip bomb", "x.zip", makeZip(t, huge), "unpack to too much"},
		{"zip cut", "x.zip", goodZip[:len(goodZip)-30], "is no zip archive"},
		{"zip altered", "x.zip", flipped, `the entry "a" cannot be unpacked`},
		{"other kind", "x.rar", good, "want a .zip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			left, err := unpackIn(t, c.file, c.archive)
			var bad *ArchiveError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
			if len(left) != 1 { // "sub"
				t.Errorf("left %q behind", left)
			}
		})
	}
}

// Each limit, at it and one beyond it, in both kinds of archive.
func TestUnpackLimits(t *testing.T) {
	three := []member{{name: "d/", typ: tar.TypeDir, mode: fs.ModeDir}, {name: "d/a", content: "aaa"}, {name: "b", content: strings.Repeat("b", 4000)}}
	wide := limits{entries: 3, bytes: 1 << 20, ratio: 0, ratioFree: 1 << 20}
	for _, c := range []struct {
		name string
		set  func(l *limits, n int64)
		tar  int64 // the least limit that lets the archive through
		zip  int64
		want string
	}{
		{"entries", func(l *limits, n int64) { l.entries = int(n) }, 3, 3, "has more than 2 entries"},
		// A tar counts its headers: three, two padded contents, and its end.
		{"bytes", func(l *limits, n int64) { l.bytes = n }, 3*512 + 512 + 4096 + 1024, 4003, "unpack to too much"},
		{"ratio", func(l *limits, n int64) { l.ratioFree = n }, 3*512 + 512 + 4096 + 1024, 4003, "unpack to too much"},
	} {
		for name, archive := range map[string][]byte{"x.tar.gz": makeTar(t, three), "x.zip": makeZip(t, three)} {
			least := c.zip
			if name == "x.tar.gz" {
				least = c.tar
			}
			for _, n := range []int64{least, least - 1} {
				l := wide
				c.set(&l, n)
				base := t.TempDir()
				path, dir := filepath.Join(base, name), filepath.Join(base, "open")
				if err := os.WriteFile(path, archive, 0o666); err != nil {
					t.Fatal(err)
				}
				err := unpack(t.Context(), path, dir, l)
				if n == least {
					if err != nil {
						t.Errorf("%s of %s at %d: %v", c.name, name, n, err)
					}
					continue
				}
				var bad *ArchiveError
				if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s of %s at %d: error %v, want one with %q", c.name, name, n, err, c.want)
				}
				if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s of %s: left the folder behind, %v", c.name, name, err)
				}
			}
		}
	}
}

func TestAllowed(t *testing.T) {
	l := limits{bytes: 1000, ratio: 10, ratioFree: 100}
	for size, want := range map[int64]int64{0: 100, 1: 110, 90: 1000, 91: 1000, 1 << 62: 1000} {
		if got := l.allowed(size); got != want {
			t.Errorf("%d bytes may unpack to %d, want %d", size, got, want)
		}
	}
}

// A tar archive of headers alone, each of which is small, unpacks to nothing
// and yet must end.
func TestUnpackBoundsTheHeaders(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for range 1000 {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tgz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	l := limits{entries: 10, bytes: 1 << 20, ratioFree: 1 << 16}
	if err := unpack(t.Context(), path, path+".open", l); err == nil || !strings.Contains(err.Error(), "unpack to too much") {
		t.Errorf("error %v", err)
	}
}

func TestFetchUnpacks(t *testing.T) {
	good := []member{{name: "inner/a.bin", content: "aaa"}, {name: "inner/readme.html", content: "x"}}
	for _, c := range []struct {
		name    string
		members []member
		want    string // of the error; empty: none
	}{
		{"sound", good, ""},
		{"path out of it", append([]member{{name: "inner/../../evil", content: "x"}}, good...), "would lie outside"},
		{"member missing", good[1:], `the entry "inner/a.bin" is not in it`},
		{"member altered", []member{{name: "inner/a.bin", content: "aab"}}, "SHA-256"},
	} {
		archive := string(makeTar(t, c.members))
		s := serve(t, files(map[string]string{"/x.tar.gz": archive}))
		set := registry.Set{Name: "set", Sources: []registry.Source{{
			File: pinned("x.tar.gz", archive), URL: s.URL + "/x.tar.gz", Unpack: "inner", Members: []registry.File{pinned("a.bin", "aaa")},
		}}}
		base := t.TempDir()
		err := Fetch(t.Context(), set, Options{To: filepath.Join(base, "sets")})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			wantTree(t, base, map[string]string{"sets": "/", "sets/set": "/", "sets/set/a.bin": "aaa"})
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		wantTree(t, base, map[string]string{})
	}
}
