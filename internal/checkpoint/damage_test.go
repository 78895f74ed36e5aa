package checkpoint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
)

// TestEveryChangedByte flips every bit of every byte of a checkpoint and cuts and
// lengthens each file: all is refused with a typed error, and within the bound of
// memory.
func TestEveryChangedByte(t *testing.T) {
	dir := mustWrite(t, t.TempDir(), snapshot(5))
	if got := names(t, dir); len(got) != 3 {
		t.Fatalf("the folder holds %v; want the three files changed here", got)
	}
	for _, name := range []string{tensorsFile, stateFile, manifestFile} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(what string, i int, changed []byte) {
			if err := os.WriteFile(path, changed, 0o644); err != nil {
				t.Fatal(err)
			}
			var err error
			membound.Check(t, len(changed), membound.Tensors, func() { _, err = Read(dir) })
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("%s, %s %d: error %v", name, what, i, err)
			}
		}
		for i := range whole {
			refused("cut to", i, whole[:i])
			for bit := range 8 {
				changed := bytes.Clone(whole)
				changed[i] ^= 1 << bit
				refused("byte", i, changed)
			}
		}
		refused("longer by", 1, append(bytes.Clone(whole), '\n'))
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		var bad *badfile.Error
		if _, err := Read(dir); !errors.As(err, &bad) || !strings.Contains(err.Error(), name+": is missing") {
			t.Errorf("without %s: %v", name, err)
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Read(dir); err != nil {
		t.Errorf("put back: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	root := t.TempDir()
	s := snapshot(1)
	s.Tensors["large"] = Tensor{Shape: []int{4 << 20}, Data: make([]float32, 4<<20)}
	dir := mustWrite(t, root, s)
	if spent := membound.Spent(func() {
		if _, err := Read(dir); err != nil {
			t.Fatal(err)
		}
	}); spent > 2*16<<20 {
		t.Errorf("%d bytes allocated to read %d", spent, 16<<20)
	}
	// The most wasteful state is one of many small blobs.
	var b strings.Builder
	b.WriteString(`{"step":1,"epoch":0,"blobs":{"":""`)
	for i := 0; b.Len() < maxState-20; i++ {
		key := base64.RawStdEncoding.EncodeToString(fmt.Append(nil, string(rune('0'+i%60)), i/60))
		fmt.Fprintf(&b, `,"%s":""`, key)
	}
	b.WriteString("}}")
	membound.Check(t, b.Len(), membound.Tree, func() {
		if _, err := parseState(stateFile, []byte(b.String())); err != nil {
			t.Error(err)
		}
	})
}

// FuzzParseState: what is taken is the same when it is written and read again.
func FuzzParseState(f *testing.F) {
	encoded, err := encodeState(snapshot(5))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Add([]byte(`{"step":5,"epoch":0,"blobs":{"a":"AA=="}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s *Snapshot
		var err error
		membound.Check(t, len(b), membound.Tree, func() { s, err = parseState(stateFile, b) })
		if err != nil {
			oneLine(t, err)
			return
		}
		first, err := encodeState(s)
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		again, err := parseState(stateFile, first)
		if err != nil {
			t.Fatalf("read again: %v\n%s", err, first)
		}
		// The JSON of meta is written without white space, so its second writing
		// is the one to be the same.
		second, err := encodeState(again)
		if err != nil || !bytes.Equal(first, second) || !reflect.DeepEqual(s.Blobs, again.Blobs) {
			t.Fatalf("%s\nbecame\n%s\n%v", first, second, err)
		}
	})
}

// FuzzParseManifest: what is taken is what would be written, byte for byte.
func FuzzParseManifest(f *testing.F) {
	good, err := manifest{Format, []record{{tensorsFile, 3, sum(nil)}, {stateFile, 4, sum(nil)}}}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":"engram-checkpoint/2","files":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m manifest
		var err error
		membound.Check(t, len(b), membound.Tree, func() { m, err = parseManifest(manifestFile, b) })
		if err != nil {
			oneLine(t, err)
			return
		}
		if again, err := m.encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%s\nbecame\n%s\n%v", b, again, err)
		}
	})
}

func oneLine(t *testing.T, err error) {
	t.Helper()
	var bad *badfile.Error
	if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
		t.Fatalf("error %v, want a *badfile.Error of one line", err)
	}
}
