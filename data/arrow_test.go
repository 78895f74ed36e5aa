package data

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
	"github.com/engram-lm/engram/internal/strictjson"
)

// encoded returns the Arrow file of a split of n tokens.
func encoded(t testing.TB, n int) (Split, []byte, Manifest) {
	t.Helper()
	s := Split{Name: "train", Tokens: count(n), Lines: 4, Characters: 5, Unknown: 6, SourceHash: "source"}
	var b bytes.Buffer
	m, err := WriteArrow(&b, s, "tokenizer")
	if err != nil {
		t.Fatal(err)
	}
	return s, b.Bytes(), m
}

func TestArrowRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.arrow")
	for _, n := range []int{0, 1, 3, 16, 17, recordRows - 1, recordRows, recordRows + 1, 2*recordRows + 5} {
		want, b, m := encoded(t, n)
		if _, again, _ := encoded(t, n); !bytes.Equal(b, again) {
			t.Errorf("%d tokens: the same split gave other bytes", n)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ReadArrow(path, m)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Tokens, want.Tokens) {
			t.Errorf("%d tokens came back as %d others", n, len(got.Tokens))
		}
		got.Tokens, want.Tokens = nil, nil
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// What is written is an Arrow file to every reader of that format.
func TestTheLibraryReadsIt(t *testing.T) {
	want, b, _ := encoded(t, recordRows+3)
	in, err := ipc.NewFileReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var got []int32
	for i := range in.NumRecords() {
		record, err := in.RecordAt(i)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, record.Column(0).(*array.Int32).Int32Values()...)
		record.Release()
	}
	if !slices.Equal(got, want.Tokens) {
		t.Errorf("%d tokens, want %d", len(got), len(want.Tokens))
	}
	if v, _ := in.Schema().Metadata().GetValue("engram.split"); v != "train" {
		t.Errorf("split %q", v)
	}
}

// refusedAs reports an error that is not one line about path.
func refusedAs(t testing.TB, path string, err error) {
	t.Helper()
	var bad *badfile.Error
	if !errors.As(err, &bad) || bad.Path != path || strings.ContainsAny(err.Error(), "\n\r") {
		t.Fatalf("error %v, want a *badfile.Error of one line about %s", err, path)
	}
}

// Every damaged byte of a file, every length that it may be cut to and a byte too
// many are refused: by size and hash, and without those by what the file must be
// for its manifest, unless only a token has become another.
func TestEveryChangedByteOfAnArrowFile(t *testing.T) {
	want, sound, m := encoded(t, 5)
	path := filepath.Join(t.TempDir(), "x.arrow")
	first := bytes.Index(sound, []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0}) - 4
	changed := func(at int, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var err error
		membound.Check(t, len(data), membound.Arrow, func() { _, err = ReadArrow(path, m) })
		refusedAs(t, path, err)
		got, err := decodeArrow(path, data, m)
		if at < first || at >= first+4*5 {
			refusedAs(t, path, err)
		} else if err != nil || slices.Equal(got.Tokens, want.Tokens) {
			t.Fatalf("byte %d, of a token: %v", at, err)
		}
	}
	for i := range sound {
		for _, bits := range []byte{0x01, 0x80, 0xff} {
			data := slices.Clone(sound)
			data[i] ^= bits
			changed(i, data)
		}
		changed(-1, sound[:i])
	}
	changed(-1, append(slices.Clone(sound), 0))
	for what, change := range map[string]func(*Manifest){
		"split":         func(m *Manifest) { m.Split = "valid" },
		"more tokens":   func(m *Manifest) { m.Tokens++ },
		"fewer tokens":  func(m *Manifest) { m.Tokens-- },
		"no tokens":     func(m *Manifest) { m.Tokens = 0 },
		"minus a token": func(m *Manifest) { m.Tokens = -1 },
		"many tokens":   func(m *Manifest) { m.Tokens = math.MaxInt64 },
		"unknown":       func(m *Manifest) { m.Unknown++ },
		"format":        func(m *Manifest) { m.Format = "engram-corpus/1" },
	} {
		other := m
		change(&other)
		if _, err := decodeArrow("f", sound, other); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func TestArrowMemoryIsBounded(t *testing.T) {
	_, b, m := encoded(t, 12*recordRows+1)
	path := filepath.Join(t.TempDir(), "x.arrow")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	var err error
	t.Logf("%d bytes", membound.Spent(func() { _, err = ReadArrow(path, m) }))
	membound.Check(t, len(b), membound.Arrow, func() { _, err = ReadArrow(path, m) })
	if err != nil {
		t.Error(err)
	}
	// A large file that the manifest does not speak of is not read at all.
	m.Size = 4
	if spent := membound.Spent(func() { _, err = ReadArrow(path, m) }); err == nil || spent > 1<<20 {
		t.Errorf("%d bytes, %v", spent, err)
	}
}

// FuzzArrow reads a file whose hash has been made to fit: it is refused, or it
// is the file of its tokens.
func FuzzArrow(f *testing.F) {
	_, _, known := encoded(f, 0)
	for _, n := range []int{0, 1, 5, 17} {
		_, b, m := encoded(f, n)
		f.Add(b, m.Split, m.Tokens)
		f.Add(b, "test", m.Tokens)
		f.Add(b, m.Split, m.Tokens+1)
		if at := bytes.Index(b, []byte{255, 255, 255, 255}); at >= 0 {
			long := slices.Clone(b)
			binary.LittleEndian.PutUint32(long[at+4:], math.MaxInt32)
			f.Add(long, m.Split, m.Tokens)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, split string, tokens int64) {
		m := known
		m.Split, m.Tokens = split, tokens
		var s *Split
		var err error
		membound.Check(t, len(data), membound.Arrow, func() { s, err = decodeArrow("f", data, m) })
		if err != nil {
			refusedAs(t, "f", err)
			return
		}
		var again bytes.Buffer
		if _, err := WriteArrow(&again, *s, m.Tokenizer); err != nil || !bytes.Equal(again.Bytes(), data) {
			t.Fatalf("written again it is another file: %v", err)
		}
		if s.Name != split || int64(len(s.Tokens)) != tokens {
			t.Fatalf("split %q of %d tokens, want %q of %d", s.Name, len(s.Tokens), split, tokens)
		}
	})
}

// FuzzManifest: what is taken comes back from its own JSON.
func FuzzManifest(f *testing.F) {
	_, _, m := encoded(f, 3)
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":"engram-corpus/1","size":1,"sha256":""}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var m, again Manifest
		var err error
		membound.Check(t, len(data), membound.Tree, func() { err = strictjson.Decode("f", data, &m) })
		if err != nil {
			refusedAs(t, "f", err)
			return
		}
		b, err := json.Marshal(m)
		if err == nil {
			err = strictjson.Decode("f", b, &again)
		}
		if err != nil || again != m {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}
