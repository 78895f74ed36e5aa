package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
)

type inner struct {
	Rule string  `json:"rule"`
	Clip float64 `json:"clip"`
}

type outer struct {
	Size  int                       `json:"size"`
	On    bool                      `json:"on"`
	Inner *inner                    `json:"inner,omitempty"`
	Bytes []byte                    `json:"bytes,omitempty"`
	Rows  []inner                   `json:"rows,omitempty"`
	Free  json.RawMessage           `json:"free,omitempty"`
	Named map[string]map[string]int `json:"named,omitempty"`
	NLL   *float64                  `json:"nll,omitempty"`
	NLLs  []*float64                `json:"nlls,omitempty"`
}

func TestDecode(t *testing.T) {
	var v outer
	good := `{"size": 3, "on": true, "inner": {"rule": "clip", "clip": 2}, "bytes": "AQI=",
		"rows": [{"rule": "x", "clip": 1}], "free": {"A": null}, "named": {"A": {"b": 1}}}`
	if err := Decode("f", []byte(good), &v); err != nil {
		t.Fatal(err)
	}
	if v.Size != 3 || !v.On || v.Inner.Clip != 2 || len(v.Bytes) != 2 || v.Rows[0].Rule != "x" || v.Named["A"]["b"] != 1 {
		t.Fatalf("decoded %+v", v)
	}
}

// A number that was not finite has been written as null.
func TestNullNumbers(t *testing.T) {
	var v outer
	if err := Decode("f", []byte(`{"size": 3, "on": true, "nll": null, "nlls": [1.5, null]}`), &v); err != nil {
		t.Fatal(err)
	}
	if v.NLL != nil || len(v.NLLs) != 2 || *v.NLLs[0] != 1.5 || v.NLLs[1] != nil {
		t.Errorf("decoded %+v", v)
	}
	if err := Decode("f", []byte(`{"size": 3, "on": true, "inner": null}`), &v); err == nil {
		t.Error("an object may be null")
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, "f: ends in the middle"},
		{`{"size": 1, "on": tr`, "f: ends in the middle"},
		{`{"size": 1, "on": trum}`, "f: is not valid JSON"},
		{`{"size": 1, "on": true} x`, "f: has more text after"},
		{`{"size": 1, "on": true}{}`, "f: has more text after"},
		{`{"size": 1, "on": true, "size": 2}`, "f: size: appears twice"},
		{`{"size": 1, "on": true, "free": {"a": [{"b": 1, "b": 2}]}}`, "f: free.a.b: appears twice"},
		{`{"size": 1, "on": true, "named": {"x": {}, "x": {}}}`, "f: named.x: appears twice"},
		{`{"size": 1, "On": true}`, "f: On: unknown key; want one of bytes, free, inner, named, nll, nlls, on, rows, size"},
		{`{"size": 1, "on": true, "inner": {"rule": "a", "clip": 1, "x": 1}}`, "f: inner.x: unknown key; want one of clip, rule"},
		{`{"size": 1, "on": true, "inner": {"rule": "a"}}`, "f: inner.clip: is missing; want a number"},
		{`{"size": 1, "on": true, "rows": [{"rule": "a"}]}`, "f: rows.clip: is missing"},
		{`{"size": 1}`, "f: on: is missing; want true or false"},
		{`{"size": null, "on": true}`, "f: size: is null; want an integer"},
		{`{"size": 1.5, "on": true}`, "f: size: is a number 1.5; want an integer"},
		{`{"size": "1", "on": true}`, "f: size: is a string; want an integer"},
		{`{"size": 1, "on": true, "inner": {"rule": 1, "clip": 1}}`, "f: inner.rule: is a number; want a string"},
		{`[]`, "want an object"},
		{`null`, "want an object"},
		{"{\"size\": 1, \"on\": true, \"fr\xffee\": 1}", "not valid UTF-8"},
		{strings.Repeat(`{"free":`, 200) + "1" + strings.Repeat("}", 200), "nested deeper than 64"},
		{`{"size": 1, "on": true, "free": ` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested deeper than 64"},
	} {
		var v outer
		err := Decode("f", []byte(c.text), &v)
		var bad *badfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: error %v, want one with %q", c.text, err, c.want)
		}
	}
}
