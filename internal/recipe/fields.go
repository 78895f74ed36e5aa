package recipe

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Field is one value of a recipe.
type Field struct {
	Key, Help string
	value     reflect.Value
}

// Flag returns the field's flag, without dashes.
func (f Field) Flag() string { return flagOf(f.Key) }

func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

func keyOf(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

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
func (f Field) String() string { return fmt.Sprint(f.value.Interface()) }

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
		f.value.Set(reflect.ValueOf(parseList(s)))
	default:
		panic("recipe: no way to set a " + f.value.Kind().String())
	}
	return nil
}

// Fields returns the values of r in their order; setting one changes r.
func (r *Recipe) Fields() []Field {
	v := reflect.ValueOf(r).Elem()
	var fields []Field
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		fields = append(fields, Field{Key: tag.Get("yaml"), Help: tag.Get("help"), value: v.Field(i)})
	}
	return fields
}

// Field returns the value with a key.
func (r *Recipe) Field(key string) (Field, error) {
	var keys []string
	for _, f := range r.Fields() {
		if f.Key == key {
			return f, nil
		}
		keys = append(keys, f.Key)
	}
	return Field{}, fmt.Errorf("no key %q: want one of %s", key, strings.Join(keys, ", "))
}

// Set applies a setting key=value, whose key may be written as a flag is, and
// returns the key.
func (r *Recipe) Set(setting string) (key string, err error) {
	name, value, ok := strings.Cut(setting, "=")
	if !ok {
		return "", fmt.Errorf("setting %q: want key=value", setting)
	}
	f, err := r.Field(keyOf(name))
	if err != nil {
		return "", err
	}
	return f.Key, f.Set(value)
}
