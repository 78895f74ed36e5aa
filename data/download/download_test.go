package download

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/engram-lm/engram/data/registry"
)

func pinned(name, content string) registry.File {
	sum := sha256.Sum256([]byte(content))
	return registry.File{Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}

// server answers each path with its content, and counts its answers.
type server struct {
	*httptest.Server
	requests atomic.Int32
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := new(server)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func files(content map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := content[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, body)
	}
}

// tree lists everything below dir: a file's path to its content, a folder's to "/".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found[filepath.ToSlash(rel)] = "/"
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			found[filepath.ToSlash(rel)] = string(b)
			return err
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if got := tree(t, dir); !maps.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func logTo(lines *[]string) func(string) {
	return func(line string) { *lines = append(*lines, line) }
}

func TestFetchFromThePublisherOnce(t *testing.T) {
	s := serve(t, files(map[string]string{"/pub/a.txt": "aaa", "/b": "bb"}))
	set := registry.Set{Name: "set", Sources: []registry.Source{
		{File: pinned("a.txt", "aaa"), URL: s.URL + "/pub/a.txt"},
		{File: pinned("b.txt", "bb"), URL: s.URL + "/b"},
	}}
	base := t.TempDir()
	opts := Options{To: filepath.Join(base, "data", "sets")}
	var lines []string
	opts.Log = logTo(&lines)
	var shown atomic.Int64
	opts.Progress = func(file string, size int64) io.WriteCloser {
		shown.Add(size)
		return silent{io.Discard}
	}
	if err := Fetch(t.Context(), set, opts); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"data": "/", "data/sets": "/", "data/sets/set": "/", "data/sets/set/a.txt": "aaa", "data/sets/set/b.txt": "bb"}
	wantTree(t, base, want)
	if len(lines) != 1 || !strings.Contains(lines[0], "2 files, verified by SHA-256") {
		t.Errorf("said %q", lines)
	}
	if shown.Load() != 5 {
		t.Errorf("progress of %d bytes, want 5", shown.Load())
	}
	before := s.requests.Load()
	if err := Fetch(t.Context(), set, opts); err != nil {
		t.Fatal(err)
	}
	if s.requests.Load() != before || !strings.Contains(lines[1], "there already, verified") {
		t.Errorf("%d further requests; said %q", s.requests.Load()-before, lines[1])
	}
	wantTree(t, base, want)
}

func TestDamagedSetIsFetchedAgain(t *testing.T) {
	s := serve(t, files(map[string]string{"/a": "aaa", "/b": "bb"}))
	set := registry.Set{Name: "set", Sources: []registry.Source{
		{File: pinned("a", "aaa"), URL: s.URL + "/a"}, {File: pinned("b", "bb"), URL: s.URL + "/b"},
	}}
	to := t.TempDir()
	for name, damage := range map[string]func(dir string) error{
		"altered": func(dir string) error { return os.WriteFile(filepath.Join(dir, "a"), []byte("aab"), 0o666) },
		"missing": func(dir string) error { return os.Remove(filepath.Join(dir, "b")) },
		"empty":   func(dir string) error { return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o777)) },
	} {
		if err := Fetch(t.Context(), set, Options{To: to}); err != nil {
			t.Fatal(err)
		}
		if err := damage(filepath.Join(to, "set")); err != nil {
			t.Fatal(err)
		}
		if err := Fetch(t.Context(), set, Options{To: to}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantTree(t, to, map[string]string{"set": "/", "set/a": "aaa", "set/b": "bb"})
	}
	// What is not of the set is not deleted.
	for path, content := range map[string]string{"notes": "mine", "a": "x"} {
		if err := os.WriteFile(filepath.Join(to, "set", path), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Fetch(t.Context(), set, Options{To: to}); err == nil || !strings.Contains(err.Error(), "holds notes") {
		t.Errorf("error %v", err)
	}
	wantTree(t, to, map[string]string{"set": "/", "set/a": "x", "set/b": "bb", "set/notes": "mine"})
}

// Every way a server can fail: one line, the right number of tries, and
// nothing left, not even the folders on the way.
func TestFailuresLeaveNothing(t *testing.T) {
	short := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", code) }
	}
	loop := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/second", http.StatusFound) }
	chain := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }
	astray := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/hostname", http.StatusFound)
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}
	reset := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
		tries   int32
	}{
		{"redirected to itself", loop, "/second redirects more than 10 times", maxRedirects + 1},
		{"redirected for ever", chain, "/second redirects more than 10 times", maxRedirects + 1},
		{"redirected to a file", astray, `redirects to "file:///etc/hostname"; want an http(s) address`, 1},
		{"endless", endless, "has the size 4; want 3", 1},
		{"connection closed", reset, "(after 4 tries)", tries},
		{"not found", status(404), "is not at", 1},
		{"forbidden", status(403), "answers 403", 1},
		{"gone", status(410), "is not at", 1},
		{"server error", status(500), "answers 500 Internal Server Error (after 4 tries)", tries},
		{"busy", status(429), "answers 429", tries},
		{"short body", short, "unexpected EOF (after 4 tries)", tries},
		{"other content", files(map[string]string{"/second": "bbx"}), "SHA-256", 1},
		{"too long", files(map[string]string{"/second": "bbbb"}), "has the size 4; want 3", 1},
		{"too short", files(map[string]string{"/second": "b"}), "has the size 1; want 3", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			first := serve(t, files(map[string]string{"/first": "aaa"}))
			second := serve(t, c.handler)
			set := registry.Set{Name: "set", Sources: []registry.Source{
				{File: pinned("a", "aaa"), URL: first.URL + "/first"},
				{File: pinned("b", "bbb"), URL: second.URL + "/second"},
			}}
			base := t.TempDir()
			err := Fetch(t.Context(), set, Options{To: filepath.Join(base, "data", "sets"), Wait: time.Microsecond})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
			if n := second.requests.Load(); n != c.tries {
				t.Errorf("%d tries, want %d", n, c.tries)
			}
			wantTree(t, base, map[string]string{})
		})
	}
}

func TestSecondTryStartsOver(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			w.Header().Set("Content-Length", "6")
			io.WriteString(w, "xxxx")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "abcdef")
	})
	set := registry.Set{Name: "set", Sources: []registry.Source{{File: pinned("a", "abcdef"), URL: s.URL}}}
	to := t.TempDir()
	if err := Fetch(t.Context(), set, Options{To: to, Wait: time.Microsecond}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, to, map[string]string{"set": "/", "set/a": "abcdef"})
}

func TestInterruptLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "6")
		io.WriteString(w, "abc")
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	})
	set := registry.Set{Name: "set", Sources: []registry.Source{{File: pinned("a", "abcdef"), URL: s.URL}}}
	base := t.TempDir()
	err := Fetch(ctx, set, Options{To: filepath.Join(base, "sets")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wantTree(t, base, map[string]string{})

	mirror := t.TempDir()
	if err := os.MkdirAll(filepath.Join(mirror, "set"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mirror, "set", "a"), []byte("abcdef"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Fetch(ctx, set, Options{To: filepath.Join(base, "sets"), From: mirror}); !errors.Is(err, context.Canceled) {
		t.Errorf("from a folder: error %v", err)
	}
	wantTree(t, base, map[string]string{})
}

func TestMirrors(t *testing.T) {
	set := registry.Set{Name: "set", Mirrors: []string{"elsewhere"}, Sources: []registry.Source{
		{File: pinned("a", "aaa"), Instead: []registry.Alternative{{File: pinned("a.other", "other"), Note: "it is another"}}},
	}}
	for _, c := range []struct {
		name, path, content string
		want                string // content of a; empty: an error
		note                bool
	}{
		{"under its name", "set/a", "aaa", "aaa", false},
		{"under another name", "elsewhere/a", "aaa", "aaa", false},
		{"the alternative", "set/a.other", "other", "other", true},
		{"the alternative under another name", "elsewhere/a.other", "other", "other", true},
		{"not there", "x/a", "aaa", "", false},
		{"altered", "set/a", "aab", "", false},
		{"one file under the other's name", "set/a", "other", "", false},
	} {
		mirror := t.TempDir()
		if err := os.MkdirAll(filepath.Join(mirror, filepath.Dir(c.path)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mirror, c.path), []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(http.FileServer(http.Dir(mirror)))
		for _, from := range []string{mirror, web.URL, web.URL + "/"} {
			to := filepath.Join(t.TempDir(), "sets")
			var lines []string
			err := Fetch(t.Context(), set, Options{To: to, From: from, Log: logTo(&lines)})
			if (err == nil) != (c.want != "") {
				t.Errorf("%s: error %v", c.name, err)
			}
			if noted := slices.Contains(lines, "set: it is another"); noted != c.note {
				t.Errorf("%s: said %q", c.name, lines)
			}
			want := map[string]string{}
			if c.want != "" {
				want = map[string]string{"set": "/", "set/a": c.want}
			}
			wantTree(t, to, want)
		}
		web.Close()
	}
}

func TestUsageErrors(t *testing.T) {
	set := registry.Set{Name: "set", Sources: []registry.Source{{File: pinned("a", "aaa")}}}
	for _, from := range []string{"", filepath.Join(t.TempDir(), "none"), "http:///x"} {
		base := t.TempDir()
		err := Fetch(t.Context(), set, Options{To: filepath.Join(base, "sets"), From: from})
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("--from %q: error %v", from, err)
		}
		wantTree(t, base, map[string]string{})
	}
}

func TestSaysWhereOnlyMD5IsKnown(t *testing.T) {
	s := serve(t, files(map[string]string{"/a": "aaa"}))
	f := registry.File{Name: "a", MD5: fmt.Sprintf("%x", md5.Sum([]byte("aaa")))}
	set := registry.Set{Name: "set", Sources: []registry.Source{{File: f, URL: s.URL + "/a"}}}
	var lines []string
	if err := Fetch(t.Context(), set, Options{To: t.TempDir(), Log: logTo(&lines)}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(lines[0], "a: the publisher's MD5, the only sum known") {
		t.Errorf("said %q", lines)
	}
	set.Sources[0].MD5 = strings.Repeat("0", 32)
	if err := Fetch(t.Context(), set, Options{To: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "MD5") {
		t.Errorf("error %v", err)
	}
}

func TestStaleStagesAreSwept(t *testing.T) {
	s := serve(t, files(map[string]string{"/a": "aaa"}))
	set := registry.Set{Name: "set", Sources: []registry.Source{{File: pinned("a", "aaa"), URL: s.URL + "/a"}}}
	to := t.TempDir()
	for name, age := range map[string]time.Duration{"1": 48 * time.Hour, "2": time.Minute} {
		dir := filepath.Join(to, ".set"+stageSuffix+name)
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(dir, then, then); err != nil {
			t.Fatal(err)
		}
	}
	if err := Fetch(t.Context(), set, Options{To: to}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, to, map[string]string{"set": "/", "set/a": "aaa", ".set" + stageSuffix + "2": "/"})
}
