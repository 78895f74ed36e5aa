// Package strictjson decodes JSON that must mean exactly what it says.
// encoding/json accepts duplicate keys (the last wins), keys in the wrong case,
// null for anything, missing keys and invalid UTF-8; in a configuration or a
// manifest each of those is a mistake or a damaged byte, so they are errors here.
//
// A value is held against the Go type that it will fill before encoding/json
// fills it, by a walk over the text that makes no copy of what it reads: a file
// that lies about its types would else cost many times its size in elements and
// errors that nobody sees.
package strictjson

import (
	"encoding/json"
	"errors"
	"hash/maphash"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/badfile"
)

// maxDepth bounds the nesting, and with it the stack; no file here has more than four levels.
const maxDepth = 64

// Decode reads the one JSON value in data into the value that into points to.
// Every key of an object must be a field of its struct, spelled as in its tag,
// and every field whose tag lacks omitempty must be there; maps and
// json.RawMessage take any keys, though none twice. Null stands only for a number
// that was not finite, where into has a *float64. Structs must not embed
// others, and fixed-size arrays are not checked for length. Every error is a
// *badfile.Error that names path and the key.
func Decode(path string, data []byte, into any) error {
	if err := check(path, data, reflect.TypeOf(into)); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return badfile.New(path, "", "%v", err)
	}
	return nil
}

// Check reports whether data is one JSON value, without duplicate keys, nested
// at most 64 deep.
func Check(path string, data []byte) error { return check(path, data, nil) }

func check(path string, data []byte, t reflect.Type) error {
	if i := invalidUTF8(data); i >= 0 {
		return badfile.New(path, "", "byte %d is not valid UTF-8; want JSON text", i)
	}
	if !json.Valid(data) {
		return invalid(path, data)
	}
	w := walker{path: path, text: string(data), types: make(map[reflect.Type]keys), seed: maphash.MakeSeed()}
	return w.value(t, 0)
}

// invalid says why data is no JSON value.
func invalid(path string, data []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(data, &value)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return badfile.New(path, "", "is not valid JSON: %v", err)
	}
	// A literal that the end of the text cuts is said to end in a space.
	n := len(data)
	cut := n > 0 && data[n-1] != ' ' && syntax.Offset == int64(n)
	switch problem := syntax.Error(); {
	case problem == "unexpected end of JSON input", cut && strings.HasPrefix(problem, "invalid character ' '"):
		return badfile.New(path, "", "ends in the middle of its JSON value")
	case strings.HasSuffix(problem, "after top-level value"):
		return badfile.New(path, "", "has more text after its JSON value, near byte %d", syntax.Offset)
	default:
		return badfile.New(path, "", "is not valid JSON: %s, near byte %d", problem, syntax.Offset)
	}
}

// describe names what a Go type looks like in JSON.
func describe(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		if isBytes(t) {
			return "a base64 string"
		}
		return "an array"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "an integer"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer of at least 0"
	}
	return "a value"
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
