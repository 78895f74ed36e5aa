// Package strictjson decodes JSON that must mean exactly what it says.
// encoding/json accepts duplicate keys (the last wins), keys in the wrong case,
// null for anything, missing keys and invalid UTF-8; in a configuration or a
// manifest each of those is a mistake or a damaged byte, so they are errors here.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
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
	err := json.Unmarshal(data, into)
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		return badfile.New(path, mistyped.Field, "is a %s; want %s", mistyped.Value, describe(mistyped.Type))
	}
	if err != nil {
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
	w := walker{path: path, dec: json.NewDecoder(bytes.NewReader(data))}
	w.dec.UseNumber()
	if err := w.value(t, "", 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); err != io.EOF {
		return badfile.New(path, "", "has more text after its JSON value, near byte %d", w.dec.InputOffset())
	}
	return nil
}

// walker reads the tokens of one value beside the Go type they will fill. A nil
// type stands for free form.
type walker struct {
	path string
	dec  *json.Decoder
}

func (w *walker) value(t reflect.Type, field string, depth int) error {
	if depth > maxDepth {
		return badfile.New(w.path, "", "is nested deeper than %d levels", maxDepth)
	}
	token, err := w.token()
	if err != nil {
		return err
	}
	nullable := t != nil && t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Float64
	t = plain(t)
	switch token {
	case json.Delim('{'):
		return w.object(t, field, depth)
	case json.Delim('['):
		var elem reflect.Type
		if t != nil && t.Kind() == reflect.Slice {
			elem = t.Elem()
		}
		for w.dec.More() {
			if err := w.value(elem, field, depth+1); err != nil {
				return err
			}
		}
		_, err = w.token()
		return err
	case nil:
		if t != nil && !nullable {
			return badfile.New(w.path, field, "is null; want %s", describe(t))
		}
	}
	return nil
}

func (w *walker) object(t reflect.Type, field string, depth int) error {
	known, required := keysOf(t)
	seen := make(map[string]bool)
	for w.dec.More() {
		token, err := w.token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return badfile.New(w.path, field, "is not valid JSON near byte %d", w.dec.InputOffset())
		}
		inner := join(field, key)
		if seen[key] {
			return badfile.New(w.path, inner, "appears twice; want it once")
		}
		seen[key] = true
		var elem reflect.Type
		switch {
		case known != nil:
			if elem, ok = known[key]; !ok {
				return badfile.New(w.path, inner, "unknown key; want one of %s", strings.Join(sortedKeys(known), ", "))
			}
		case t != nil && t.Kind() == reflect.Map:
			elem = t.Elem()
		}
		if err := w.value(elem, inner, depth+1); err != nil {
			return err
		}
	}
	if _, err := w.token(); err != nil {
		return err
	}
	for _, key := range required {
		if !seen[key] {
			return badfile.New(w.path, join(field, key), "is missing; want %s", describe(known[key]))
		}
	}
	return nil
}

func (w *walker) token() (json.Token, error) {
	token, err := w.dec.Token()
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, badfile.New(w.path, "", "ends in the middle of its JSON value")
	}
	if err != nil {
		return nil, badfile.New(w.path, "", "is not valid JSON: %v, near byte %d", err, w.dec.InputOffset())
	}
	return token, nil
}

// keysOf returns the keys of a struct with their types, and those that must be
// there in the order of the fields; nil where the keys are free.
func keysOf(t reflect.Type) (known map[string]reflect.Type, required []string) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, nil
	}
	known = make(map[string]reflect.Type, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		known[name] = f.Type
		if !strings.Contains(options, "omitempty") {
			required = append(required, name)
		}
	}
	return known, required
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// plain strips pointers; a type that decodes itself, or any, is free form.
func plain(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() == reflect.Interface || reflect.PointerTo(t).Implements(unmarshaler) {
		return nil
	}
	return t
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
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
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

func join(field, key string) string {
	if field == "" {
		return key
	}
	return fmt.Sprintf("%s.%s", field, key)
}

func sortedKeys(m map[string]reflect.Type) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
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
