package nearest

import "testing"

func TestWord(t *testing.T) {
	words := []string{"epochs", "episodes", "lr", "models", "hidden", "min_count", "rate", "rule"}
	for word, want := range map[string]string{
		"epoch": "epochs", "epcohs": "epochs", "episode": "episodes", "model": "models", "hiden": "hidden",
		"min-count": "min_count", "rl": "lr", "lrr": "lr", "dropout": "", "x": "", "": "", "rats": "rate",
	} {
		if got := Word(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		d    int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"abc", "bac", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.d {
			t.Errorf("%s, %s: %d, want %d", c.a, c.b, got, c.d)
		}
	}
}
