package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engram-lm/engram/internal/atomicdir/faultfs"
)

func snapshot(step int) *Snapshot {
	return &Snapshot{
		Step: step, Epoch: 2,
		Tensors: map[string]Tensor{
			"param.layers.0.bias":  {Shape: []int{4}, Data: []float32{1, 2, float32(math.Inf(1)), -0.5}},
			"adam.m.layers.0.bias": {Shape: []int{4}, Data: []float32{float32(step), 0, 1e-45, 3}},
			"state.hebb":           {Shape: []int{1, 2, 2}, Data: []float32{1, 2, 3, 4}},
		},
		Blobs: map[string][]byte{"rng.dropout": {0, 255, 7}, "rng.empty": {}},
		Meta:  json.RawMessage(`{"cursor":{"window":17},"rate":0.1}`),
	}
}

func mustWrite(t testing.TB, root string, s *Snapshot) string {
	t.Helper()
	path, err := Write(root, s)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestRoundTrip(t *testing.T) {
	root := filepath.Join(t.TempDir(), "checkpoints")
	for _, s := range []*Snapshot{snapshot(3), {Step: 12, Blobs: map[string][]byte{}, Tensors: map[string]Tensor{}}} {
		path := mustWrite(t, root, s)
		got, gotPath, warnings, err := Latest(root)
		if err != nil || gotPath != path || len(warnings) > 0 {
			t.Fatalf("latest %q, %v, %v; want %q", gotPath, warnings, err, path)
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Error(d)
		}
	}
	if got := names(t, root); !slices.Equal(got, []string{"step-00000003", "step-00000012"}) {
		t.Errorf("folders %v", got)
	}
}

func TestSameSnapshotSameBytes(t *testing.T) {
	a, b := mustWrite(t, t.TempDir(), snapshot(1)), mustWrite(t, t.TempDir(), snapshot(1))
	for _, name := range []string{tensorsFile, stateFile, manifestFile} {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs: %v, %v", name, errX, errY)
		}
	}
}

func TestNothingYet(t *testing.T) {
	for _, root := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if s, path, warnings, err := Latest(root); s != nil || path != "" || warnings != nil || err != nil {
			t.Errorf("latest %v, %q, %v, %v; want nothing", s, path, warnings, err)
		}
		if err := Prune(root, 1, 0); err != nil {
			t.Error(err)
		}
	}
}

// TestForgedFiles: sums that fit do not make the content right.
func TestForgedFiles(t *testing.T) {
	for what, c := range map[string]struct{ state, want string }{
		"unknown key": {`{"step":5,"epoch":0,"blobs":{},"x":1}`, "x: unknown key"},
		"negative":    {`{"step":-5,"epoch":0,"blobs":{}}`, "step: is -5"},
		"other step":  {`{"step":6,"epoch":0,"blobs":{}}`, "step: is 6 in state.json; want 5"},
		"not base64":  {`{"step":5,"epoch":0,"blobs":{"a":"!"}}`, "illegal base64"},
		"null blob":   {`{"step":5,"epoch":0,"blobs":{"a":null}}`, "blobs.a: is null"},
	} {
		root := t.TempDir()
		dir := mustWrite(t, root, snapshot(5))
		forge(t, dir, []byte(c.state))
		s, _, warnings, err := Latest(root)
		if s != nil || err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], c.want) || !strings.Contains(warnings[0], dir) {
			t.Errorf("%s: %v, %v, %v; want a warning with %q", what, s, warnings, err, c.want)
		}
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// forge replaces state.json and makes the manifest fit.
func forge(t *testing.T, dir string, state []byte) {
	t.Helper()
	m, err := readManifest(filepath.Join(dir, manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	m.Files[1] = record{stateFile, int64(len(state)), sum(state)}
	b, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{stateFile: state, manifestFile: b} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewestValidWins(t *testing.T) {
	root := t.TempDir()
	for _, step := range []int{9, 100, 20, 123456789} {
		mustWrite(t, root, snapshot(step))
	}
	// Things that are no checkpoints, and what a killed writer leaves.
	for _, name := range []string{"step-7", "step-000000200", "step--0000001", "best", ".step-00000300.engram-new"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(root, ".step-00000300.engram-new", tensorsFile)
	if err := os.WriteFile(half, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	damage := func(step int) {
		if err := os.Truncate(filepath.Join(root, Name(step), tensorsFile), 10); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		damage, want, warnings int
	}{{0, 123456789, 0}, {123456789, 100, 1}, {100, 20, 2}, {20, 9, 3}} {
		if c.damage > 0 {
			damage(c.damage)
		}
		s, path, warnings, err := Latest(root)
		if err != nil || s.Step != c.want || path != filepath.Join(root, Name(c.want)) || len(warnings) != c.warnings {
			t.Errorf("damaged %d: step %d in %s, %q, %v; want %d", c.damage, s.Step, path, warnings, err, c.want)
		}
		if c.warnings > 0 && !strings.Contains(warnings[c.warnings-1], Name(c.damage)) {
			t.Errorf("warning %q does not name %s", warnings[c.warnings-1], Name(c.damage))
		}
	}
	damage(9)
	if s, path, warnings, err := Latest(root); s != nil || path != "" || len(warnings) != 4 || err != nil {
		t.Errorf("all damaged: %v, %q, %v, %v", s, path, warnings, err)
	}
	if slices.Contains(names(t, root), ".step-00000300.engram-new") {
		t.Error("the leftover of a killed writer was not swept")
	}
}

// A checkpoint that cannot be opened may be whole: it is not skipped, or older
// ones would be gone on from and it would be pruned. A link to itself stands for
// what only some users meet, such as a file of another one.
func TestUnreadableIsNotDamaged(t *testing.T) {
	for _, name := range []string{manifestFile, stateFile, tensorsFile} {
		root := t.TempDir()
		mustWrite(t, root, snapshot(1))
		path := filepath.Join(mustWrite(t, root, snapshot(2)), name)
		if err := errors.Join(os.Remove(path), os.Symlink(name, path)); err != nil {
			t.Fatal(err)
		}
		s, _, warnings, err := Latest(root)
		if s != nil || warnings != nil || err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, %v, %v; want an error about %s", s, warnings, err, path)
		}
	}
	// A disk that does not give back what it has is damage.
	for _, err := range []error{
		&fs.PathError{Op: "read", Path: "x", Err: syscall.ENXIO}, &fs.PathError{Op: "open", Path: "x", Err: syscall.EIO},
	} {
		if !damaged(err) {
			t.Errorf("%v is not taken for damage", err)
		}
	}
}

func TestPrune(t *testing.T) {
	root := t.TempDir()
	for step := range 6 {
		mustWrite(t, root, snapshot(step))
	}
	if err := os.Mkdir(filepath.Join(root, "notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Prune(root, 2, 5); err != nil {
		t.Fatal(err)
	}
	if got := names(t, root); !slices.Equal(got, []string{"notes", "step-00000004", "step-00000005"}) {
		t.Errorf("left %v", got)
	}
	// The damaged ones do not push out what is written after the last whole one.
	for _, step := range []int{8, 9} {
		mustWrite(t, root, snapshot(step))
		if err := os.Truncate(filepath.Join(root, Name(step), stateFile), 1); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, root, snapshot(6))
	if err := Prune(root, 2, 6); err != nil {
		t.Fatal(err)
	}
	if got := names(t, root); !slices.Equal(got, []string{"notes", "step-00000005", "step-00000006"}) {
		t.Errorf("beside damaged ones: left %v", got)
	}
	if err := Prune(root, 0, 5); err == nil {
		t.Error("all checkpoints were pruned")
	}
}

// TestEveryFailure lets a save meet every fault, and die at every operation: the
// checkpoint before it still loads, and the next save works and leaves nothing
// beside.
func TestEveryFailure(t *testing.T) {
	save := func(root string, step int) {
		if _, err := write(&faultfs.FS{}, root, snapshot(step)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []int{1, 2} { // replaced, and beside the one before
		for fsys := range everyFault {
			root := t.TempDir()
			save(root, 1)
			_, err := write(fsys, root, snapshot(step))
			if wrong := fsys.Misreported(err, filepath.Join(root, Name(step))); wrong != nil {
				t.Fatalf("%v: %v", fsys, wrong)
			}
			s, _, warnings, err := Latest(root)
			if err != nil || s == nil || len(warnings) > 0 {
				t.Fatalf("%v: %v, %v, %v", fsys, s, warnings, err)
			}
			if d := cmp.Diff(snapshot(s.Step), s); d != "" {
				t.Fatalf("%v: %s", fsys, d)
			}
			save(root, 3)
			if s, _, _, err := Latest(root); err != nil || s.Step != 3 {
				t.Fatalf("%v: then step %d, %v", fsys, s.Step, err)
			}
			for _, name := range names(t, root) {
				if !strings.HasPrefix(name, "step-") {
					t.Fatalf("%v: %s is left", fsys, name)
				}
			}
		}
	}
}

// everyFault is each fault, and the death at each operation.
func everyFault(yield func(*faultfs.FS) bool) {
	for fsys := range faultfs.Every() {
		if !yield(fsys) {
			return
		}
	}
	for n := 1; ; n++ {
		fsys := &faultfs.FS{N: n, Dead: true}
		if !yield(fsys) || !fsys.Failed() {
			return
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	for what, change := range map[string]func(*Snapshot){
		"step":  func(s *Snapshot) { s.Step = -1 },
		"meta":  func(s *Snapshot) { s.Meta = json.RawMessage(`{`) },
		"shape": func(s *Snapshot) { s.Tensors["x"] = Tensor{Shape: []int{2}, Data: []float32{1}} },
	} {
		root := t.TempDir()
		s := snapshot(1)
		change(s)
		if _, err := Write(root, s); err == nil {
			t.Errorf("%s: written", what)
		}
		if got := names(t, root); len(got) > 0 {
			t.Errorf("%s: left %v", what, got)
		}
	}
}

// BenchmarkWrite saves the 4.8M parameters of the Penn Treebank model with the
// two moments of Adam.
func BenchmarkWrite(b *testing.B) {
	s := &Snapshot{Tensors: map[string]Tensor{}}
	for _, name := range []string{"param", "adam.m", "adam.v"} {
		s.Tensors[name] = Tensor{Shape: []int{4_812_004}, Data: make([]float32, 4_812_004)}
	}
	root := b.TempDir()
	for b.Loop() {
		mustWrite(b, root, s)
	}
}
