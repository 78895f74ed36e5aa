package strictjson

import (
	"encoding/json"
	"hash/maphash"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
)

// walker reads a text that is known to be valid JSON, beside the Go type that it
// will fill. A nil type stands for free form.
type walker struct {
	path  string
	text  string
	at    int                   // of the next byte
	where []string              // the keys that lead to the value, joined only for an error
	types map[reflect.Type]keys // of the structs met so far
	seed  maphash.Seed
}

// keys are those of an object.
type keys struct {
	known    map[string]reflect.Type // nil where they are free
	required []string                // in the order of the fields
}

func (w *walker) value(t reflect.Type, depth int) error {
	if depth > maxDepth {
		return w.refuse("is nested deeper than %d levels", maxDepth)
	}
	if w.next() == 'n' && t == reflect.TypeFor[*float64]() {
		t = nil // null is a number that was not finite
	}
	t = plain(t)
	switch w.next() {
	case '{':
		return w.object(t, depth)
	case '[':
		return w.array(t, depth)
	case '"':
		w.string()
		if t != nil && t.Kind() != reflect.String && !isBytes(t) {
			return w.refuse("is a string; want %s", describe(t))
		}
		return nil
	}
	return w.literal(t)
}

func (w *walker) object(t reflect.Type, depth int) error {
	if t != nil && t.Kind() != reflect.Struct && t.Kind() != reflect.Map {
		return w.refuse("is an object; want %s", describe(t))
	}
	of := w.keysOf(t)
	start := w.at
	// The keys met, by hash: a map of all of them would be the largest thing
	// that is made of a vocabulary.
	seen := make([]uint64, 0, 16)
	for w.key() {
		key := w.where[len(w.where)-1]
		seen = append(seen, maphash.String(w.seed, key))
		var elem reflect.Type
		switch {
		case of.known != nil:
			if elem = of.known[key]; elem == nil {
				return w.refuse("unknown key; want one of %s", strings.Join(sortedKeys(of.known), ", "))
			}
		case t != nil:
			elem = t.Elem()
		}
		if err := w.value(elem, depth+1); err != nil {
			return err
		}
		w.where = w.where[:len(w.where)-1]
	}
	slices.Sort(seen)
	for i := range len(seen) - 1 {
		if seen[i] == seen[i+1] {
			return w.twice(start, seen[i])
		}
	}
	for _, key := range of.required {
		if _, there := slices.BinarySearch(seen, maphash.String(w.seed, key)); !there {
			w.where = append(w.where, key)
			return w.refuse("is missing; want %s", describe(of.known[key]))
		}
	}
	return nil
}

// key reads on to the next value of an object and adds its key to where; at the
// object's end it returns false.
func (w *walker) key() bool {
	c := w.next() // the opening brace, a comma or the closing brace
	w.at++
	if c == '{' && w.next() == '}' {
		w.at++
		return false
	}
	if c == '}' {
		return false
	}
	w.next()
	w.where = append(w.where, unquote(w.string()))
	w.next()
	w.at++ // the colon
	return true
}

// twice returns the error about the second key with a hash in the object that
// starts at start, all of whose values have been checked.
func (w *walker) twice(start int, hash uint64) error {
	w.at = start
	for first := true; w.key(); w.where = w.where[:len(w.where)-1] {
		if maphash.String(w.seed, w.where[len(w.where)-1]) == hash {
			if !first {
				break
			}
			first = false
		}
		if err := w.value(nil, 0); err != nil {
			return err
		}
	}
	return w.refuse("appears twice; want it once")
}

func (w *walker) array(t reflect.Type, depth int) error {
	var elem reflect.Type
	if t != nil {
		if k := t.Kind(); k != reflect.Slice && k != reflect.Array || isBytes(t) {
			return w.refuse("is an array; want %s", describe(t))
		}
		elem = t.Elem()
	}
	w.at++
	for w.next() != ']' {
		if w.text[w.at] == ',' {
			w.at++
		}
		if err := w.value(elem, depth+1); err != nil {
			return err
		}
	}
	w.at++
	return nil
}

// literal reads a number, true, false or null.
func (w *walker) literal(t reflect.Type) error {
	end := strings.IndexAny(w.text[w.at:], ",]} \t\r\n")
	if end < 0 {
		end = len(w.text) - w.at
	}
	s := w.text[w.at : w.at+end]
	w.at += end
	if t == nil {
		return nil
	}
	fits, what := false, "a number"
	switch s[0] {
	case 'n':
		what = "null"
	case 't', 'f':
		fits, what = t.Kind() == reflect.Bool, "a bool"
	default:
		var err error
		switch t.Kind() {
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			_, err = strconv.ParseInt(s, 10, t.Bits())
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			_, err = strconv.ParseUint(s, 10, t.Bits())
		case reflect.Float32, reflect.Float64:
			_, err = strconv.ParseFloat(s, t.Bits())
		default:
			return w.refuse("is a number; want %s", describe(t))
		}
		if fits = err == nil; !fits {
			what = "a number " + s[:min(len(s), 40)]
		}
	}
	if !fits {
		return w.refuse("is %s; want %s", what, describe(t))
	}
	return nil
}

// next skips white space and returns the byte after it, which stays to be read.
func (w *walker) next() byte {
	for strings.IndexByte(" \t\r\n", w.text[w.at]) >= 0 {
		w.at++
	}
	return w.text[w.at]
}

// string reads a string and returns it with its quotes.
func (w *walker) string() string {
	start := w.at
	for w.at++; w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.text[start:w.at]
}

// unquote returns the string that s stands for in JSON.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s[1 : len(s)-1]
	}
	var plain string
	if err := json.Unmarshal([]byte(s), &plain); err != nil {
		return s // it cannot be, for the whole text is valid
	}
	return plain
}

// refuse returns an error about the value that the walker is at.
func (w *walker) refuse(format string, args ...any) error {
	return badfile.New(w.path, strings.Join(w.where, "."), format, args...)
}

// keysOf returns the keys of a struct.
func (w *walker) keysOf(t reflect.Type) keys {
	if t == nil || t.Kind() != reflect.Struct {
		return keys{}
	}
	if of, ok := w.types[t]; ok {
		return of
	}
	of := keys{known: make(map[string]reflect.Type, t.NumField())}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		of.known[name] = f.Type
		if !strings.Contains(options, "omitempty") {
			of.required = append(of.required, name)
		}
	}
	w.types[t] = of
	return of
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

func sortedKeys(m map[string]reflect.Type) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}
