package strictjson

import (
	"strings"
	"testing"
)

func TestStated(t *testing.T) {
	for _, c := range []struct {
		text, path, want string
		ok               bool
	}{
		{`{"a": [1, {"b": "no"}], "b": "yes", "c": 7}`, "b", "yes", true},
		{`{"a": {"z": {}, "b": "y\u0065s"}, "b": "no"}`, "a.b", "yes", true},
		{`{"a": {"b": "yes"}}`, "b", "", false},
		{`{"b": 7}`, "b", "", false},
		{`{"b": null}`, "b", "", false},
		{`{"a": "x"}`, "a.b", "", false},
		{`["b"]`, "b", "", false},
		{`{"b": "yes"`, "b", "", false},
		{`{}`, "b", "", false},
		{``, "b", "", false},
		{"{\"b\": \"\xff\"}", "b", "", false},
		{`{"x": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `, "b": "yes"}`, "b", "", false}, // too deep to look through
	} {
		if got, ok := Stated([]byte(c.text), strings.Split(c.path, ".")...); got != c.want || ok != c.ok {
			t.Errorf("%s of %.60s: %q, %v; want %q, %v", c.path, c.text, got, ok, c.want, c.ok)
		}
	}
}

// A file is refused for what it says it is, whatever keys come before.
func TestFormatComesFirst(t *testing.T) {
	var into struct {
		Format string `json:"format"`
		N      int    `json:"n"`
	}
	for text, want := range map[string]string{
		`{"new": 1, "format": "thing/2", "n": 1}`: `f: format: is "thing/2"; want "thing/1": make it anew`,
		`{"new": 1, "n": 1}`:                      `f: format: is missing; want "thing/1": make it anew`,
		`{"format": 7, "n": 1}`:                   `f: format: is a number; want a string`,
		`{"new": 1, "format": "thing/1", "n": 1}`: `f: new: unknown key; want one of format, n`,
		`[]`:          `f: is an array; want an object`,
		`{"format": `: `f: ends in the middle of its JSON value`,
	} {
		if err := DecodeFormat("f", []byte(text), "thing/1", "make it anew", &into); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if err := DecodeFormat("f", []byte(`{"n": 3, "format": "thing/1"}`), "thing/1", "", &into); err != nil || into.N != 3 {
		t.Errorf("%v, %v", into, err)
	}
}
