// Package settings makes a struct of plain values a configuration: each field is
// a key of a YAML file, with a comment that explains it, a setting key=value, and
// a flag, all parsed alike. The struct's tags say so:
//
//	Hidden int `yaml:"hidden" help:"neurons a layer"`
//
// A field with the tag resume, whatever its value, may change when a run is
// resumed.
package settings

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
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
	free      bool
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

func fieldsOf(s reflect.Value) (fields Fields) {
	for i := range s.NumField() {
		f := s.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, fieldsOf(s.Field(i))...)
			continue
		}
		_, free := f.Tag.Lookup("resume")
		fields = append(fields, Field{Key: f.Tag.Get("yaml"), Help: f.Tag.Get("help"), free: free, value: s.Field(i)})
	}
	return fields
}

// Flag returns the field's flag, without dashes.
func (f Field) Flag() string { return flagOf(f.Key) }

func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

func keyOf(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// Free reports whether the field may change when a run is resumed.
func (f Field) Free() bool { return f.free }

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

func (f Field) refuse(s string) error { return fmt.Errorf("%s %q: want %s", f.Key, s, f.wants()) }

// Set parses a value into the field.
func (f Field) Set(s string) error {
	switch f.value.Kind() {
	case reflect.String:
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

// Find returns the field with a key.
func (fs Fields) Find(key string) (Field, error) {
	var keys []string
	for _, f := range fs {
		if f.Key == key {
			return f, nil
		}
		keys = append(keys, f.Key)
	}
	return Field{}, fmt.Errorf("no key %q: want one of %s", key, strings.Join(keys, ", "))
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

// Differs returns the first field that has another value in others, which has the
// same fields, and false if there is none. What may change when a run is resumed
// does not count.
func (fs Fields) Differs(others Fields) (mine, theirs Field, differ bool) {
	for i, f := range fs {
		if f.String() != others[i].String() && !f.free {
			return f, others[i], true
		}
	}
	return Field{}, Field{}, false
}
