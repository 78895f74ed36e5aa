package cli

import "testing"

func TestQuoted(t *testing.T) {
	for want, args := range map[string][]string{
		"":                      nil,
		" --out runs/a --n 3":   {"--out", "runs/a", "--n", "3"},
		` '' 'a b' 'it'\''s' x`: {"", "a b", "it's", "x"},
	} {
		if got := Quoted(args); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}
