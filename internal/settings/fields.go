// Package settings makes a struct of plain values a configuration: each field is
// a key of a YAML file, with a comment that explains it, a setting key=value, and
// a flag, all parsed alike. The struct's tags say so:
//
//	Hidden int `yaml:"hidden" help:"neurons a layer"`
//
// A field with the tag resume may change when a run is resumed: "may change"
// always, "by force" if the user insists. One with the tag compare:"same" is a
// condition: what runs under different ones come to does not compare. The tag range
// bounds a number, as "0..1" or "1.." for no upper bound; every and time are those of a
// text that Every or time.ParseDuration reads, and say what its 0 is; default is what
// Fill gives to a field that is not set.
package settings

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engram-lm/engram/internal/nearest"
)

// List is a comma-separated list.
type List []string

// String returns the list as a flag takes it.
func (l List) String() string { return strings.Join(l, ",") }

// ParseList reads a list, leaving out empty items.
func ParseList(s string) List {
	var l List
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			l = append(l, item)
		}
	}
	return l
}

// Field is one value of a configuration.
type Field struct {
	Key, Help string
	Choice    string // what there is to choose from, where that is too much for a file; empty: nothing
	tag       reflect.StructTag
	offered   []string
	value     reflect.Value
}

// Fields are the values of a configuration in their order.
type Fields []Field

// Of returns the fields of structs, given by pointer, in turn; setting a field
// changes its struct. The fields of an embedded struct stand in its place.
func Of(structs ...any) Fields {
	var fields Fields
	for _, s := range structs {
		fields = append(fields, fieldsOf(reflect.ValueOf(s).Elem())...)
	}
	return fields
}

// Offering is a configuration that knows all values that a key may have, each with what
// it is about in parentheses, if anything; they stand for "{offered}" in the key's help.
type Offering interface{ Offered(key string) []string }

func fieldsOf(s reflect.Value) (fields Fields) {
	var offering Offering
	if p := s.Addr(); p.CanInterface() {
		offering, _ = p.Interface().(Offering)
	}
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsOf(s.Field(i))...)
			continue
		}
		field := Field{Key: f.Tag.Get("yaml"), Help: f.Tag.Get("help"), tag: f.Tag, value: s.Field(i)}
		if offering != nil {
			field.offered = offering.Offered(field.Key)
			field.Help = strings.ReplaceAll(field.Help, "{offered}", Or(field.offered))
		}
		fields = append(fields, field)
	}
	return fields
}

// Fill sets each field that is zero to its default, if it has one.
func (fs Fields) Fill() {
	for _, f := range fs {
		if value, ok := f.tag.Lookup("default"); ok && f.value.IsZero() {
			if err := f.Set(value); err != nil {
				panic("settings: a default: " + err.Error())
			}
		}
	}
}

// Check reports the first value that is none of those offered, out of its range, or no
// time where it must be one.
func (fs Fields) Check() error {
	for _, f := range fs {
		var names []string
		for _, o := range f.offered {
			name, _, _ := strings.Cut(o, " ")
			names = append(names, name)
		}
		if names != nil && !slices.Contains(names, f.String()) {
			return &ValueError{f.Key, f.String(), "one of " + strings.Join(names, ", ")}
		}
		if _, _, err := Every(f.String()); err != nil && f.tag.Get("every") != "" {
			return fmt.Errorf("%s %w, or 0 for %s", f.Key, err, f.tag.Get("every"))
		}
		if d, err := time.ParseDuration(f.String()); (err != nil || d < 0) && f.tag.Get("time") != "" {
			return &ValueError{f.Key, f.String(), "a time such as 90s or 20m, or 0 for " + f.tag.Get("time")}
		}
		low, high, ok := strings.Cut(f.tag.Get("range"), "..")
		if !ok {
			continue
		}
		// A tag is the programmer's: what is no number in it lets nothing pass.
		x, lo, hi := number(f.String()), number(low), number(cmp.Or(high, many))
		switch {
		case lo <= x && x <= hi:
		case x <= 0 && 0 < lo && lo < tiny:
			return fmt.Errorf("%s %s: want a number above 0", f.Key, f)
		case high == "" && x < lo:
			return fmt.Errorf("%s %s: want at least %s", f.Key, f, low)
		default:
			return fmt.Errorf("%s %s: want %s to %s", f.Key, f, low, cmp.Or(high, many))
		}
	}
	return nil
}

// many is the most that a number may be whose range has no upper bound.
const many = "1e9"

// tiny is less than anybody would ask for: a range that begins below it is one of all
// numbers above 0.
const tiny = 1e-30

func number(text string) float64 {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

// Or lists names as "a, b or c".
func Or(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Flag returns the field's flag, without dashes.
func (f Field) Flag() string { return flagOf(f.Key) }

func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

func keyOf(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// Free reports whether the field may change whenever a run is resumed: it changes
// nothing of what the run has come to.
func (f Field) Free() bool { return f.tag.Get("resume") == "may change" }

// Forced reports whether the field may change in the middle of a run if the user
// insists: the run comes to something else then, but all that a checkpoint holds
// still has its place.
func (f Field) Forced() bool { return f.tag.Get("resume") == "by force" }

// Condition reports whether runs compare only if the field is the same in all.
func (f Field) Condition() bool { return f.tag.Get("compare") == "same" }

// IsBool reports whether the field is a switch.
func (f Field) IsBool() bool { return f.value.Kind() == reflect.Bool }

// Type names the field's type as a flag's: string, list, int, float64 or bool.
func (f Field) Type() string {
	if f.value.Kind() == reflect.Slice {
		return "list"
	}
	return f.value.Kind().String()
}

// String returns the field's value in the form that Set takes.
func (f Field) String() string {
	if !f.value.IsValid() {
		return "" // flag packages ask a zero Field
	}
	return fmt.Sprint(f.value.Interface())
}

// wants says what a value of the field may be.
func (f Field) wants() string {
	switch f.value.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a finite number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list of words"
	}
	return "text"
}

// ValueError says that a value is none of a field's.
type ValueError struct{ Key, Value, Want string }

func (e *ValueError) Error() string { return fmt.Sprintf("%s %q: want %s", e.Key, e.Value, e.Want) }

func (f Field) refuse(s string) error { return &ValueError{f.Key, s, f.wants()} }

// Set parses a value into the field; what is none is a *ValueError.
func (f Field) Set(s string) error {
	switch f.value.Kind() {
	case reflect.String:
		if !utf8.ValidString(s) {
			return &ValueError{f.Key, s, "UTF-8 text"}
		}
		f.value.SetString(s)
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return f.refuse(s)
		}
		f.value.SetInt(int64(n))
	case reflect.Float64:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return f.refuse(s)
		}
		f.value.SetFloat(x)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return f.refuse(s)
		}
		f.value.SetBool(b)
	case reflect.Slice:
		f.value.Set(reflect.ValueOf(ParseList(s)))
	default:
		panic("settings: no way to set a " + f.value.Kind().String())
	}
	return nil
}

// Shown is the field's value as a sentence has it: an empty text as "".
func (f Field) Shown() string { return cmp.Or(f.String(), `""`) }

// Find returns the field with a key.
func (fs Fields) Find(key string) (Field, error) {
	var keys []string
	for _, f := range fs {
		if f.Key == key {
			return f, nil
		}
		keys = append(keys, f.Key)
	}
	return Field{}, fmt.Errorf("no key %q%s: want one of %s", key, nearest.DidYouMean(key, "", keys), strings.Join(keys, ", "))
}

// Value is that of the field with a key which must be there.
func (fs Fields) Value(key string) string {
	f, err := fs.Find(key)
	if err != nil {
		panic("settings: " + err.Error())
	}
	return f.String()
}

// Put sets the field with a key.
func (fs Fields) Put(key, value string) error {
	f, err := fs.Find(key)
	if err != nil {
		return err
	}
	return f.Set(value)
}

// Set applies a setting key=value, whose key may be written as a flag is, and
// returns the key.
func (fs Fields) Set(setting string) (key string, err error) {
	name, value, ok := strings.Cut(setting, "=")
	if !ok {
		return "", fmt.Errorf("setting %q: want key=value", setting)
	}
	f, err := fs.Find(keyOf(name))
	if err != nil {
		return "", err
	}
	return f.Key, f.Set(value)
}

// Change is a field whose value in one configuration is not the one in another.
type Change struct{ Is, Was Field }

// Changes lists the fields that have another value in was, which has the same
// fields, and are not Free.
func (fs Fields) Changes(was Fields) (changes []Change) {
	for i, f := range fs {
		if f.String() != was[i].String() && !f.Free() {
			changes = append(changes, Change{f, was[i]})
		}
	}
	return changes
}
