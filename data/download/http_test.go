package download

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/engram-lm/engram/data/registry"
)

// A server that is too slow is given up, wherever it dawdles. What would end at
// all ends after many times the patience, so that a test without one would see
// the set arrive rather than hang.
func TestSlowServers(t *testing.T) {
	content := strings.Repeat("a", 1000)
	wait := func(r *http.Request) { // a second, or until the client is gone
		select {
		case <-r.Context().Done():
		case <-time.After(time.Second):
		}
	}
	trickle := func(w http.ResponseWriter, r *http.Request) {
		for i := range content {
			if _, err := io.WriteString(w, content[i:i+1]); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"never answers": func(w http.ResponseWriter, r *http.Request) {
			wait(r)
			io.WriteString(w, content)
		},
		"stalls": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, content[:500])
			w.(http.Flusher).Flush()
			wait(r)
			io.WriteString(w, content[500:])
		},
		"trickles": trickle,
		"trickles a redirection": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/there" {
				io.WriteString(w, content)
				return
			}
			w.Header().Set("Location", "/there")
			w.WriteHeader(http.StatusFound)
			trickle(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, handler)
			set := registry.Set{Name: "set", Sources: []registry.Source{{File: pinned("a", content), URL: s.URL + "/a"}}}
			base := t.TempDir()
			var lines []string
			err := Fetch(t.Context(), set, Options{
				To: filepath.Join(base, "sets"), Wait: time.Microsecond, Patience: 20 * time.Millisecond, Log: logTo(&lines),
			})
			want := "set: " + s.URL + "/a: less than 64 KiB in 20ms; want a faster server (after 4 tries)"
			if err == nil || err.Error() != want {
				t.Errorf("error %v, want %q", err, want)
			}
			if len(lines) != 1 || !strings.HasSuffix(lines[0], "; trying again, up to 3 times") {
				t.Errorf("said %q, want a line for each further try", lines)
			}
			wantTree(t, base, map[string]string{})
		})
	}
}

// paced yields so many bytes a read, and takes so long for it.
type paced struct {
	left, step int
	pause      time.Duration
}

func (p *paced) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(p.pause)
	n := min(p.step, p.left, len(b))
	p.left -= n
	return n, nil
}

// The least rate, on a clock of the test's own.
func TestPatience(t *testing.T) {
	for _, c := range []struct {
		name string
		in   paced
		slow bool
	}{
		{"just fast enough, for an hour", paced{60 * slice, slice, 59 * time.Second}, false},
		{"in small steps", paced{10 * slice, slice / 59, time.Second - time.Millisecond}, false},
		{"a small file", paced{3, 1, 19 * time.Second}, false},
		{"just too slow", paced{2 * slice, slice, 61 * time.Second}, true},
		{"a byte every few seconds", paced{100, 1, 3 * time.Second}, true},
		{"slow at its end", paced{slice + 4, slice, 31 * time.Second}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slow atomic.Bool
				w := watch(time.Minute, func() { slow.Store(true) })
				defer w.timer.Stop()
				w.in = &c.in
				if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, w, make([]byte, slice)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if slow.Load() != c.slow {
					t.Errorf("given up: %v, want %v", slow.Load(), c.slow)
				}
			})
		})
	}
}

func TestPausesDouble(t *testing.T) {
	o := Options{Wait: time.Second}
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if got := o.pause(i + 1); got != want {
			t.Errorf("after try %d: %v, want %v", i+1, got, want)
		}
	}
}

// A few redirections are followed, and what lies at their end is verified.
func TestRedirectionsAreFollowed(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n := strings.Count(r.URL.Path, "x"); n < maxRedirects {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
			return
		}
		w.Write(bytes.Repeat([]byte("a"), 3))
	})
	for content, ok := range map[string]bool{"aaa": true, "aab": false} {
		set := registry.Set{Name: "set", Sources: []registry.Source{{File: pinned("a", content), URL: s.URL + "/"}}}
		if err := Fetch(t.Context(), set, Options{To: t.TempDir()}); (err == nil) != ok {
			t.Errorf("want %q: error %v", content, err)
		}
	}
}
