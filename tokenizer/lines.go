package tokenizer

import "io"

// Line is an encoded line of a text.
type Line struct {
	Tokens  []int32 // ids of the words, and <eos>
	Unknown int64   // how many words outside the vocabulary became the unknown word
}

// EncodeLines encodes a text line by line; their tokens, one after the other, are
// those of EncodeText, and so are the errors, but that lines without words will do:
// each is an <eos>.
func (t *Tokenizer) EncodeLines(text io.Reader, file string) ([]Line, error) {
	e, err := t.encoder(file)
	if err != nil {
		return nil, err
	}
	var lines []Line
	var line Line
	err = e.encode(text, func(id int32, unknown bool) {
		line.Tokens = append(line.Tokens, id)
		if unknown {
			line.Unknown++
		}
	}, func() {
		line.Tokens = append(line.Tokens, e.eos)
		lines = append(lines, line)
		line = Line{}
	})
	if err != nil {
		return nil, err
	}
	if lines == nil {
		return nil, &TextError{file, 0, "is empty; want at least one line"}
	}
	return lines, nil
}
