package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// JSON returns report.json: two-space indentation, a newline at the end.
func (r *Report) JSON() ([]byte, error) {
	r.Summarise()
	return indented(r)
}

// JSON returns report.json.
func (s *Study) JSON() ([]byte, error) {
	s.Summarise()
	return indented(s)
}

// Encode returns a value as JSON, a float that is no finite number as null.
func Encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	err := encode(&b, reflect.ValueOf(v), "")
	return b.Bytes(), err
}

// Decode takes back into what Encode gave: null is NaN again.
func Decode(text json.RawMessage, into any) error { return decode(text, reflect.ValueOf(into), "") }

// indented writes a report, given by pointer, as JSON.
func indented(report any) ([]byte, error) {
	var compact, out bytes.Buffer
	if err := encode(&compact, reflect.ValueOf(report), "report"); err != nil {
		return nil, fmt.Errorf("report.json: %w", err)
	}
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("report.json: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// encode writes v as JSON with a float that is NaN or infinite as null.
// encoding/json refuses such floats and has no option for them; a float type
// with a method of its own would put a conversion into every line that fills a
// Report. So the few kinds that can contain a float are walked here, and
// everything else is left to encoding/json. Fields whose tag of the key skip is "-"
// are left out.
func encode(b *bytes.Buffer, v reflect.Value, skip string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return encode(b, v.Elem(), skip)
		}
	case reflect.Struct:
		return encodeStruct(b, v, skip)
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := encode(b, v.Index(i), skip); err != nil {
				return err
			}
		}
		b.WriteByte(']') // a nil slice is an empty list, which readers can range over
		return nil
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			b.WriteString("null")
			return nil
		}
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return err
	}
	b.Write(text)
	return nil
}

// encodeStruct writes the fields of v under the names of their json tags.
func encodeStruct(b *bytes.Buffer, v reflect.Value, skip string) error {
	b.WriteByte('{')
	first := true
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := v.Field(i)
		empty := field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0
		if name == "-" || skip != "" && v.Type().Field(i).Tag.Get(skip) == "-" || option == "omitempty" && empty {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(b, "%q:", name)
		if err := encode(b, field, skip); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}
