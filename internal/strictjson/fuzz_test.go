package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/membound"
)

// sound is Check by the tokens of encoding/json, which are slow and many.
func sound(data []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var value func(depth int) bool
	value = func(depth int) bool {
		token, err := dec.Token()
		if err != nil || depth > maxDepth {
			return false
		}
		seen := map[string]bool{}
		switch token {
		case json.Delim('{'):
			for dec.More() {
				key, err := dec.Token()
				if err != nil || seen[key.(string)] || !value(depth+1) {
					return false
				}
				seen[key.(string)] = true
			}
			_, err = dec.Token()
		case json.Delim('['):
			for dec.More() {
				if !value(depth + 1) {
					return false
				}
			}
			_, err = dec.Token()
		}
		return err == nil
	}
	return utf8.Valid(data) && json.Valid(data) && value(0)
}

// FuzzDecode: Check takes what it should and nothing else; what Decode takes is
// the same when it is written and read again; errors are one line.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{"size": 3, "on": true, "inner": {"rule": "clip", "clip": 2}, "bytes": "AQI=", "free": {"A": null}, "named": {"A": {"b": 1}}}`,
		`{"size": 3, "on": true, "rows": [{"rule": "x", "clip": 1}, {"rule": "\ud800", "clip": 1e-400}]}`,
		`{"size":-0,"on":false,"free":{"a":1,"\u0061":2}}`,
		`{"size":1.5,"on":tru`, `[[[]],{"":{"":[0,-1.5e+3,null,true]}}]`, " \t\r\n1 ", `"\"\\"`, `{"a":1,"b":2,"a":3}`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("[", 65) + strings.Repeat("]", 65),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err, want := Check("f", data), sound(data); (err == nil) != want {
			t.Fatalf("Check says %v, want it taken: %v", err, want)
		}
		var v, again outer
		var err error
		membound.Check(t, len(data), membound.Tree, func() { err = Decode("f", data, &v) })
		if err != nil {
			var bad *badfile.Error
			if !errors.As(err, &bad) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("error %v", err)
			}
			return
		}
		first, err := json.Marshal(v)
		if err == nil {
			err = Decode("f", first, &again)
		}
		if err != nil {
			t.Fatalf("written again: %v\n%s", err, first)
		}
		if second, err := json.Marshal(again); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%s became %s, %v", first, second, err)
		}
	})
}

// The most wasteful files of their size.
func TestMemoryIsBounded(t *testing.T) {
	const size = 4 << 20
	fill := func(start, unit, end string) string {
		return start + strings.Repeat(unit, (size-len(start)-len(end))/len(unit)) + end
	}
	head := `{"size":1,"on":true,`
	long := strings.Repeat("k", 1<<20)
	for what, c := range map[string]struct {
		text string
		ok   bool
	}{
		"numbers":              {fill(head+`"free":[0`, ",0", `]}`), true},
		"strings":              {fill(head+`"free":[""`, `,""`, `]}`), true},
		"objects":              {fill(head+`"free":[{}`, `,{}`, `]}`), true},
		"objects of a key":     {fill(head+`"free":[{}`, `,{"":0}`, `]}`), true},
		"escapes":              {fill(head+`"free":[{}`, `,{"\u0061":0}`, `]}`), true},
		"wrong elements":       {fill(head+`"rows":[0`, ",0", `]}`), false},
		"empty elements":       {fill(head+`"rows":[{}`, ",{}", `]}`), false},
		"elements":             {fill(head+`"rows":[{"rule":"","clip":0}`, `,{"rule":"","clip":0}`, `]}`), true},
		"fractions as bytes":   {fill(head+`"bytes":[0`, ",0", `]}`), false},
		"keys":                 {head + `"named":{"a":` + entries(size/2) + `}}`, true},
		"free keys":            {head + `"free":` + entries(size/2) + `}`, true},
		"deep":                 {fill(head+`"free":`, "[", ""), false},
		"keys below long keys": {`{"free":{"` + long + `":{"` + long + `":` + entries(size/2) + `}}}`, false},
	} {
		var v outer
		var err error
		membound.Check(t, len(c.text), membound.Tree, func() { err = Decode("f", []byte(c.text), &v) })
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// entries is an object of short keys.
func entries(size int) string {
	letters := strings.NewReplacer(`"`, "", `\`, "").Replace(printable())
	var b strings.Builder
	b.WriteString(`{"":0`)
	for n := 0; b.Len() < size; n++ {
		b.WriteString(`,"`)
		for i := n; ; i /= 90 {
			b.WriteByte(letters[i%90])
			if i < 90 {
				break
			}
		}
		b.WriteString(`":0`)
	}
	return b.String() + "}"
}

func printable() string {
	var b strings.Builder
	for c := byte(' '); c < 0x7f; c++ {
		b.WriteByte(c)
	}
	return b.String()
}
