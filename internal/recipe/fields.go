package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Field is one value of a recipe.
type Field struct {
	Key, Help string
	value     reflect.Value
}

// Flag returns the field's flag, without dashes.
func (f Field) Flag() string { return strings.ReplaceAll(f.Key, "_", "-") }

// IsBool reports whether the field is a switch.
func (f Field) IsBool() bool { return f.value.Kind() == reflect.Bool }

// Type names the field's type.
func (f Field) Type() string {
	switch f.value.Kind() {
	case reflect.Slice:
		return "list"
	case reflect.Float64:
		return "number"
	}
	return f.value.Kind().String()
}

// String returns the field's value.
func (f Field) String() string { return fmt.Sprint(f.value.Interface()) }

// Set parses a value into the field.
func (f Field) Set(s string) error {
	switch f.value.Kind() {
	case reflect.String:
		f.value.SetString(s)
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("%s %q: want a whole number", f.Key, s)
		}
		f.value.SetInt(int64(n))
	case reflect.Float64:
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s %q: want a finite number", f.Key, s)
		}
		f.value.SetFloat(x)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%s %q: want true or false", f.Key, s)
		}
		f.value.SetBool(b)
	case reflect.Slice:
		f.value.Set(reflect.ValueOf(parseList(s)))
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

// Set applies a setting key=value; the key may be written as a flag.
func (r *Recipe) Set(setting string) error {
	key, value, ok := strings.Cut(setting, "=")
	if !ok {
		return fmt.Errorf("setting %q: want key=value", setting)
	}
	key = strings.ReplaceAll(key, "-", "_")
	var keys []string
	for _, f := range r.Fields() {
		if f.Key == key {
			return f.Set(value)
		}
		keys = append(keys, f.Key)
	}
	return fmt.Errorf("no key %q: want one of %s", key, strings.Join(keys, ", "))
}

// Keys returns the keys that a YAML file sets, after checking that r has them.
func Keys(file string, text []byte) (map[string]bool, error) {
	var scratch Recipe
	if err := scratch.Apply(file, text); err != nil {
		return nil, err
	}
	var set map[string]any
	if err := yaml.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	keys := map[string]bool{}
	for k := range set {
		keys[k] = true
	}
	return keys, nil
}

// MaxFile is the size a configuration file may have.
const MaxFile = 1 << 20

// Apply sets what a YAML text sets. An unknown key, a key given twice and a
// second document are errors.
func (r *Recipe) Apply(file string, text []byte) error {
	if len(text) > MaxFile {
		return fmt.Errorf("%s: %d bytes: want a configuration of at most %d", file, len(text), MaxFile)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(r); err != nil && !errors.Is(err, io.EOF) {
		if e, ok := errors.AsType[*yaml.TypeError](err); ok {
			problem := strings.Replace(e.Errors[0], "field ", "key ", 1)
			problem = strings.Replace(problem, " not found in type recipe.Recipe", " is unknown; train --help lists the keys", 1)
			return fmt.Errorf("%s: %s", file, problem)
		}
		return fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one YAML document: want one", file)
	}
	return nil
}

// YAML returns the recipe as a file with a comment for each key.
func (r *Recipe) YAML() []byte {
	var node yaml.Node
	if err := node.Encode(r); err != nil {
		panic(err) // a struct of plain values
	}
	help := map[string]string{}
	for _, f := range r.Fields() {
		help[f.Key] = f.Help
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		value := node.Content[i+1]
		if value.Kind == yaml.SequenceNode {
			value.Style = yaml.FlowStyle
		}
		value.LineComment = help[node.Content[i].Value]
	}
	text, err := yaml.Marshal(&node)
	if err != nil {
		panic(err)
	}
	return text
}
