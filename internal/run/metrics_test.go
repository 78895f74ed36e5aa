package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
	"github.com/engram-lm/engram/internal/tensorboard"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

// entry is a line of metrics.
type entry struct {
	Trainee
	Step int `json:"step"`
}

// Lines after the last checkpoint go, a torn one goes, those of others stay; lines
// that are lost or changed are missed.
func TestRewind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, MetricsFile)
	a, other, third := Trainee{"a", 1}, Trainee{"a", 2}, Trainee{"b", 1}
	m, err := openMetrics(dir, false)
	must(t, err)
	for _, who := range []Trainee{a, other, third} {
		must(t, m.rewind(who, 0, ""))
	}
	write := func(who Trainee, step int) { must(t, m.write(who, entry{who, step})) }
	write(a, 1)
	_, sum := m.count(a)
	for _, e := range []entry{{a, 2}, {other, 2}, {third, 2}, {a, 3}} {
		write(e.Trainee, e.Step)
	}
	whole := read(t, path)
	n, last := m.count(a)
	must(t, os.WriteFile(path, []byte(whole+`{"model":"a","seed`), 0o666))
	must(t, m.rewind(a, n, last))
	if read(t, path) != whole || n != 3 {
		t.Errorf("%s", read(t, path))
	}
	must(t, m.rewind(a, 1, sum))
	write(a, 9)
	if n, again := m.count(a); n != 2 || again == sum {
		t.Errorf("%d lines", n)
	}
	got := func() string {
		var steps []string
		for line := range strings.Lines(read(t, path)) {
			var e entry
			must(t, json.Unmarshal([]byte(line), &e))
			steps = append(steps, e.Model+string(rune('0'+e.Seed))+string(rune('0'+e.Step)))
		}
		return strings.Join(steps, " ")
	}
	if got() != "a11 a22 b12 a19" {
		t.Error(got())
	}
	if err := m.rewind(a, 1, last); err == nil || !strings.Contains(err.Error(), path+" has other lines of a, seed 1, in its first 1 ") {
		t.Errorf("%v", err)
	}
	if err := m.rewind(a, 3, last); err == nil || !strings.Contains(err.Error(), path+" has 2 lines of a, seed 1; want the 3 ") {
		t.Errorf("%v", err)
	}
	// In the trainings' order at the end; what is of none goes.
	write(third, 3)
	must(t, os.WriteFile(path, []byte(read(t, path)+"{}\n"), 0o666))
	must(t, m.arrange([]Trainee{third, a, other}))
	if got() != "b12 b13 a11 a19 a22" {
		t.Error(got())
	}
	must(t, m.close())
	must(t, os.WriteFile(path, []byte("{}\nnonsense\n"), 0o666))
	if _, _, err := readLines(path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o777))
	if _, err := openMetrics(dir, false); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
}

// FuzzMetrics: what a resumed training keeps of metrics.jsonl is the lines that are
// not its own later ones, byte for byte; a line that is none is an error of one line,
// and then the file is as it was.
func FuzzMetrics(f *testing.F) {
	one := `{"model":"rnn","seed":1,"episode":20,"metric":"mse","value":0.5,"loss":null,"grad_norm":1e-3,"seconds":2,"episodes_per_s":10}` + "\n"
	other := strings.Replace(one, "rnn", "lstm", 1)
	for _, text := range []string{
		"", one, one + other, other + one[:30], one + strings.Replace(one, "20", "40", 1) + other, "{}\n", "\n", "null\n[]\n",
		one + "not JSON\n", strings.Repeat("[", 200) + "\n", `{"seed":1e400}` + "\n", "{\"model\":\"\\u0000\xff\"}\r\n", one[:len(one)-1],
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), MetricsFile)
		must(t, os.WriteFile(path, text, 0o666))
		var want, first []byte
		valid := true
		for l := range bytes.Lines(text) {
			var who Trainee
			if !bytes.HasSuffix(l, []byte("\n")) {
				break
			}
			if json.Unmarshal(l, &who) != nil {
				valid = false
				break
			}
			if mine := who == (Trainee{"rnn", 1}); mine && first == nil {
				first = l
			} else if mine {
				continue
			}
			want = append(want, l...)
		}
		lines, sum := 0, sha256.Sum256(first)
		if first != nil {
			lines = 1
		}
		var err error
		membound.Check(t, len(text), membound.Tree, func() {
			var m *metrics
			if m, err = openMetrics(filepath.Dir(path), false); err == nil {
				err = errors.Join(m.rewind(Trainee{"rnn", 1}, lines, hex.EncodeToString(sum[:])), m.close())
			}
		})
		got, failed := os.ReadFile(path)
		must(t, failed)
		if _, bad := errors.AsType[*badfile.Error](err); err != nil && !bad || err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%v, want one line of a *badfile.Error", err)
		}
		if (err == nil) != valid || valid && !bytes.Equal(got, want) || !valid && !bytes.Equal(got, text) {
			t.Fatalf("%q became %q (%v), want %q", text, got, err, want)
		}
	})
}

// An event file holds a training's lines, each once, wherever the training has gone on
// from, also when it was not asked for before.
func TestEventsFollow(t *testing.T) {
	dir := t.TempDir()
	a, b := Trainee{"a", 1}, Trainee{"b", 1}
	events := func(who Trainee) string { return filepath.Join(JobDir(dir, who.Model, who.Seed), tensorboard.File) }
	for _, who := range []Trainee{a, b} {
		must(t, os.Mkdir(JobDir(dir, who.Model, who.Seed), 0o777))
	}
	m, err := openMetrics(dir, false)
	must(t, err)
	must(t, m.rewind(b, 0, ""))
	must(t, m.write(b, entry{b, 7}))
	n, sum := m.count(b)
	m.events = true
	must(t, m.rewind(a, 0, ""))
	must(t, m.rewind(b, n, sum))
	must(t, m.write(a, entry{a, 1}))
	n, sum = m.count(a)
	for step := 2; step < 5; step++ {
		must(t, m.write(a, entry{a, step}))
		must(t, m.write(b, entry{b, 6 + step}))
	}
	must(t, m.sync())
	must(t, m.rewind(a, n, sum)) // as after a kill, or a rollback
	must(t, m.write(a, entry{a, 2}))
	must(t, m.close())
	all, _, err := readLines(m.path)
	must(t, err)
	for who, lines := range map[Trainee]int{a: 2, b: 4} {
		own := linesOf(who, all)
		if len(own) != lines {
			t.Fatalf("%d lines of %v, want %d", len(own), who, lines)
		}
		was := read(t, events(who))
		w, err := tensorboard.Open(events(who), own)
		must(t, err)
		must(t, w.Close())
		if read(t, events(who)) != was {
			t.Errorf("the events of %v are not those of its lines", who)
		}
	}
}
