package strictjson

import (
	"encoding/json"
	"hash/maphash"

	"github.com/engram-lm/engram/internal/badfile"
)

// DecodeFormat is Decode of an object that says under the key format what it is,
// and must say want. That is looked at before any other key: a file of another
// version or kind has other keys, and is refused for what it is and not for the
// first of those. The hint, which may be empty, is added to that refusal.
func DecodeFormat(path string, data []byte, want, hint string, into any) error {
	if hint != "" {
		hint = ": " + hint
	}
	format, stated, object := stated(data, "format")
	switch {
	case object && !stated:
		return badfile.New(path, "format", "is missing; want %q%s", want, hint)
	case stated && format != want:
		return badfile.New(path, "format", "is %.60q; want %q%s", format, want, hint)
	}
	return Decode(path, data, into)
}

// Stated returns the string that stands under a path of keys in the objects of a
// JSON text; ok is false where there is none. The other keys may be any.
func Stated(data []byte, path ...string) (value string, ok bool) {
	value, ok, _ = stated(data, path...)
	return value, ok
}

// stated is Stated, and reports whether the path but for its last key leads to an
// object that either lacks that key or has a string there.
func stated(data []byte, path ...string) (value string, ok, object bool) {
	if invalidUTF8(data) >= 0 || !json.Valid(data) {
		return "", false, false
	}
	w := walker{text: string(data), seed: maphash.MakeSeed()}
	for i, want := range path {
		if w.next() != '{' {
			return "", false, false
		}
		found := false
		for !found && w.key() {
			if found = w.where[len(w.where)-1] == want; found {
				break
			}
			if w.value(nil, 0) != nil {
				return "", false, false
			}
			w.where = w.where[:len(w.where)-1]
		}
		if !found {
			return "", false, i == len(path)-1
		}
	}
	if w.next() != '"' {
		return "", false, false
	}
	return unquote(w.string()), true, true
}
