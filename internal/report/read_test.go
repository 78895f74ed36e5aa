package report

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// What is read of a report.json writes the same report.json: every number, and that
// some were not measured.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	r := fourArms()
	r.Arms[1].Seeds[2].TestPPL = math.NaN()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "report.json")
	got, s, err := Read(path)
	if err != nil || s != nil {
		t.Fatalf("%v, a study %v; want a report", err, s)
	}
	if !bytes.Equal(mustJSON(t, got), mustJSON(t, r)) {
		t.Error("the report read is another one")
	}
	if v := got.Arms[1].Seeds[2].TestPPL; !math.IsNaN(v) {
		t.Errorf("what was not measured is %v, want NaN", v)
	}

	want := study()
	if err := want.Write(dir); err != nil {
		t.Fatal(err)
	}
	r, s, err = Read(path)
	if err != nil || r != nil {
		t.Fatalf("%v, a report %v; want a study", err, r)
	}
	first, err := want.JSON()
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.JSON()
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the study read is another one, %v", err)
	}
}

// Whatever is no report is an error, and no panic.
func TestReadRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	for _, text := range []string{"", "[]", "null", "{}", `{"arms": 3}`, `{"arms": [{"seeds": {}}]}`, `{"task": "cue", "models": [1]}`, `{"task": 1}`} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(path); err == nil {
			t.Errorf("%q is read as a report", text)
		}
	}
}

// A report.json from outside is refused or shown; nothing in it stops the program.
func FuzzRead(f *testing.F) {
	for _, r := range []interface{ JSON() ([]byte, error) }{oneSeed(), study()} {
		text, err := r.JSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"arms": [{"model": "a", "seeds": [{"steps": [{"step": 0, "train_nll": 2}, {"step": 1000000000000, "train_nll": 2}]}]}]}`))
	f.Add([]byte(`{"task": "x", "models": [{"model": "", "seeds": [{"seed": 1}]}]}`))
	f.Add([]byte(`{"arms": [{"model": "", "seeds": [{"seed": 1, "test_ppl": 3, "passage": {"tokens": ["a"], "nll": [], "m": [[1, 2]]}}]}]}`))
	f.Add([]byte(`{"arms": [{"seeds": [{"curve": [{"epoch": -1, "valid_ppl": 2}, {"epoch": 1000000000000, "valid_ppl": 2}], "test_ppl": 2}]}]}`))
	f.Add([]byte(`{"task": "x", "metric": {"name": "r"}, "models": [{"model": "a", "seeds": [{"value": 1, "episodes": 5, "curve": [{"episode": 0, "value": 1}, {"episode": 9000000000, "value": 2}]}]}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "report.json")
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		r, s, err := Read(path)
		switch {
		case err != nil:
		case r != nil:
			_, err = render(r)
		default:
			_, err = render(s)
		}
		_ = err // an error is as good as a page
	})
}
