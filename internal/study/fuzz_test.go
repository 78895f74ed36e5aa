package study

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
)

// FuzzMetrics: what a resumed training keeps of metrics.jsonl is the lines that
// are not its own later ones, byte for byte; a line that is none is an error of
// one line, and then the file is as it was.
func FuzzMetrics(f *testing.F) {
	one := `{"model":"rnn","seed":1,"episode":20,"metric":"mse","value":0.5,"loss":null,"grad_norm":1e-3,"seconds":2,"episodes_per_s":10}` + "\n"
	other := strings.Replace(one, "rnn", "lstm", 1)
	for _, text := range []string{
		"", one, one + other, other + one[:30], one + strings.Replace(one, "20", "40", 1) + other, "{}\n", "\n", "null\n[]\n",
		one + "not JSON\n", strings.Repeat("[", 200) + "\n", `{"episode":1e400}` + "\n", "{\"model\":\"\\u0000\xff\"}\r\n", one[:len(one)-1],
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "metrics.jsonl")
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		var want []byte
		valid := true
		for l := range bytes.Lines(text) {
			var v line
			if !bytes.HasSuffix(l, []byte("\n")) {
				break
			}
			if json.Unmarshal(l, &v) != nil {
				valid = false
				break
			}
			if v.Model != "rnn" || v.Seed != 1 || v.Episode <= 20 {
				want = append(want, l...)
			}
		}
		var err error
		membound.Check(t, len(text), membound.Tree, func() {
			var m *metrics
			if m, err = openMetrics(path); err == nil {
				err = errors.Join(m.drop("rnn", 1, 20), m.close())
			}
		})
		got, failed := os.ReadFile(path)
		if failed != nil {
			t.Fatal(failed)
		}
		if _, bad := errors.AsType[*badfile.Error](err); err != nil && !bad || err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("%v, want one line of a *badfile.Error", err)
		}
		if (err == nil) != valid || valid && !bytes.Equal(got, want) || !valid && !bytes.Equal(got, text) {
			t.Fatalf("%q became %q (%v), want %q", text, got, err, want)
		}
	})
}
