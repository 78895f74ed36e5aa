package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
)

// MaxFile is the size in bytes that a configuration file may have, some twenty
// times what one takes. The YAML library spends up to 200 bytes on each.
const MaxFile = 1 << 17

// ReadFile returns the text of a configuration file. What is no regular file, or
// a longer one, is a *badfile.Error.
func ReadFile(path string) ([]byte, error) {
	return regular.Read(path, MaxFile)
}

// Apply sets what the YAML text of a file sets and returns the keys: a mapping
// of keys to plain values, each key once. Values are parsed as those of flags
// are. Every error is a *badfile.Error that names file; after one the fields are
// not to be used.
func (fs Fields) Apply(file string, text []byte) (keys []string, err error) {
	if len(text) > MaxFile {
		return nil, badfile.New(file, "", "has %d bytes; want at most %d", len(text), MaxFile)
	}
	root, err := parse(text)
	if err != nil {
		return nil, badfile.New(file, "", "%v", err)
	}
	for i := 0; root != nil && i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		err := fs.setNode(key.Value, root.Content[i+1])
		if err == nil && slices.Contains(keys, key.Value) {
			err = fmt.Errorf("key %s is given twice: want it once", key.Value)
		}
		if err != nil {
			return nil, badfile.New(file, "", "line %d: %v", key.Line, err)
		}
		keys = append(keys, key.Value)
	}
	return keys, nil
}

// parse returns the mapping that a YAML text is, nil for a text without values.
// Aliases stay what they are, so that none multiplies what it stands for.
func parse(text []byte) (root *yaml.Node, err error) {
	// The library panics with its own errors and catches those; what else it may
	// meet in a text from outside, an index out of range, stops here.
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("is no YAML: %v", r)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	err = d.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document: want one")
	}
	root = doc.Content[0]
	switch {
	case root.Kind == yaml.MappingNode:
		return root, nil
	case root.Tag == "!!null":
		return nil, nil
	}
	return nil, fmt.Errorf("line %d: want lines of the form key: value", root.Line)
}

func (fs Fields) setNode(key string, value *yaml.Node) error {
	f, err := fs.Find(key)
	if err != nil {
		return err
	}
	items := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode && f.Type() == "list" {
		items = value.Content
	}
	var plain []string
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return fmt.Errorf("%s: want a plain value: %s", key, f.wants())
		}
		plain = append(plain, item.Value)
	}
	return f.Set(strings.Join(plain, ","))
}

// YAML returns the fields as a file with a comment for each key.
func (fs Fields) YAML() []byte {
	root := yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fs {
		value := f.node()
		value.LineComment = f.Help
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: f.Key}, value)
	}
	text, err := yaml.Marshal(&root)
	if err != nil {
		panic(err)
	}
	return text
}

// node returns the field's value as YAML. Text does not go through Node.Encode,
// which writes and parses it, and fails on some that begins with a tab.
func (f Field) node() *yaml.Node {
	switch v := f.value.Interface().(type) {
	case string:
		return textNode(v)
	case List:
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, item := range v {
			list.Content = append(list.Content, textNode(item))
		}
		return list
	}
	var n yaml.Node
	if err := n.Encode(f.value.Interface()); err != nil {
		panic(err) // a number or a switch
	}
	return &n
}

// textNode returns text as YAML of one line, so that a comment fits beside it.
func textNode(text string) *yaml.Node {
	var n yaml.Node
	n.SetString(text)
	n.Style = 0
	if strings.ContainsFunc(text, unicode.IsControl) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return &n
}
