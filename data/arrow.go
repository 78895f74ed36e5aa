package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
)

// Manifest is all that there is to know of a split's Arrow file but the tokens.
// It stands beside the file.
type Manifest struct {
	Format     string `json:"format"`
	Split      string `json:"split"`
	Source     string `json:"source_sha256"`    // of the text
	Tokenizer  string `json:"tokenizer_sha256"` // tokenizer.Tokenizer.Hash of the vocabulary of the ids
	Tokens     int64  `json:"tokens"`
	Lines      int64  `json:"lines"`
	Characters int64  `json:"characters"`
	Unknown    int64  `json:"unknown"`
	Size       int64  `json:"size"`   // of the Arrow file, in bytes
	SHA256     string `json:"sha256"` // of the Arrow file
}

const (
	columnToken = "token"
	recordRows  = 1 << 20 // tokens in a record batch: 4 MiB
)

// schema is that of the file: one column, and the manifest's values as metadata.
func (m Manifest) schema() *arrow.Schema {
	metadata := arrow.NewMetadata(
		[]string{"engram.format", "engram.split", "engram.source_sha256", "engram.tokenizer_sha256",
			"engram.tokens", "engram.lines", "engram.characters", "engram.unknown"},
		[]string{m.Format, m.Split, m.Source, m.Tokenizer, strconv.FormatInt(m.Tokens, 10),
			strconv.FormatInt(m.Lines, 10), strconv.FormatInt(m.Characters, 10), strconv.FormatInt(m.Unknown, 10)})
	return arrow.NewSchema([]arrow.Field{{Name: columnToken, Type: arrow.PrimitiveTypes.Int32}}, &metadata)
}

// WriteArrow writes a split as an Arrow IPC file: one column of int32, "token",
// and in the schema's metadata the split's name, the hashes of text and
// tokenizer, and the counts. The same split gives the same bytes. It returns the
// manifest that ReadArrow asks for.
func WriteArrow(w io.Writer, s Split, tokenizer string) (Manifest, error) {
	m := Manifest{
		Format: formatVersion, Split: s.Name, Source: s.SourceHash, Tokenizer: tokenizer,
		Tokens: int64(len(s.Tokens)), Lines: s.Lines, Characters: s.Characters, Unknown: s.Unknown,
	}
	hash := sha256.New()
	counted := &appendOnly{w: io.MultiWriter(w, hash)}
	if err := writeTokens(counted, m.schema(), s.Tokens); err != nil {
		return Manifest{}, err
	}
	m.Size, m.SHA256 = counted.n, hex.EncodeToString(hash.Sum(nil))
	return m, nil
}

func writeTokens(w io.WriteSeeker, schema *arrow.Schema, tokens []int32) error {
	out, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	builder := array.NewInt32Builder(memory.DefaultAllocator)
	defer builder.Release()
	for start := 0; start < len(tokens); start += recordRows {
		rows := tokens[start:min(start+recordRows, len(tokens))]
		builder.AppendValues(rows, nil)
		column := builder.NewArray()
		record := array.NewRecord(schema, []arrow.Array{column}, int64(len(rows)))
		err = out.Write(record)
		record.Release()
		column.Release()
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// appendOnly lets the Arrow writer, which asks for an io.WriteSeeker but only
// ever asks it where it is, write to a stream.
type appendOnly struct {
	w io.Writer
	n int64
}

func (a *appendOnly) Write(b []byte) (int, error) {
	n, err := a.w.Write(b)
	a.n += int64(n)
	return n, err
}

func (a *appendOnly) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("an Arrow file is written from front to back")
	}
	return a.n, nil
}

// ReadArrow reads the Arrow file at path, which must be, byte for byte, the one
// that the manifest speaks of; any other is a *badfile.Error.
//
// The tokens are copied into memory once and not mapped: the hash has to read
// every byte anyway, a mapping would crash the program where another cuts the
// file short, and a corpus is 4 bytes a word.
func ReadArrow(path string, m Manifest) (*Split, error) {
	data, err := regular.Read(path, m.Size)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != m.Size {
		return nil, badfile.New(path, "", "has %s; want %d: it was cut or altered", badfile.Bytes(int64(len(data))), m.Size)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != m.SHA256 {
		return nil, badfile.New(path, "", "has the SHA-256 %x; want %.64s: it was altered", sum, m.SHA256)
	}
	return decodeArrow(path, data, m)
}

// decodeArrow takes the split out of a file. Whoever altered the file may have
// made its hash fit, and the library's reader is not safe against that: changed
// lengths make it panic, ask for more memory than there is, or give other
// numbers without a word. But every byte of the file follows from the manifest
// and the tokens. So the tokens are taken from where they must lie, and the file
// is right if writing them gives it once more.
func decodeArrow(path string, data []byte, m Manifest) (*Split, error) {
	altered := badfile.New(path, "", "is not the Arrow file of %d tokens that its manifest speaks of: it was altered", m.Tokens)
	if m.Format != formatVersion || m.Tokens < 0 || m.Tokens > int64(len(data)/4) {
		return nil, altered
	}
	tokens := make([]int32, 0, m.Tokens)
	at := 8 // after the magic, padded
	for message := 0; ; message++ {
		body := bodyOf(data, at)
		if body < 0 {
			return nil, altered
		}
		n := 0 // the first message is the schema, which has no body
		if message > 0 {
			n = min(recordRows, cap(tokens)-len(tokens))
		}
		if 4*n > len(data)-body {
			return nil, altered
		}
		for i := range n {
			tokens = append(tokens, int32(binary.LittleEndian.Uint32(data[body+4*i:])))
		}
		if len(tokens) == cap(tokens) {
			break
		}
		at = body + (4*n+63)/64*64 // each buffer is padded to 64 bytes
	}
	same := &comparer{data}
	if err := writeTokens(&appendOnly{w: same}, m.schema(), tokens); err != nil || len(same.left) > 0 {
		return nil, altered
	}
	return &Split{
		Name: m.Split, Tokens: tokens, Lines: m.Lines, Characters: m.Characters, Unknown: m.Unknown, SourceHash: m.Source,
	}, nil
}

// bodyOf returns where the body of the message at a position begins, after four
// bytes of ones, the length of the metadata and the metadata; -1 if that is not
// in the data.
func bodyOf(data []byte, at int) int {
	if at+8 > len(data) {
		return -1
	}
	length := int64(binary.LittleEndian.Uint32(data[at+4:]))
	if length > int64(len(data)-at-8) {
		return -1
	}
	return at + 8 + int(length)
}

// comparer is written to what must be the bytes of left, from the front.
type comparer struct{ left []byte }

func (c *comparer) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(c.left, b) {
		return 0, errors.New("other bytes")
	}
	c.left = c.left[len(b):]
	return len(b), nil
}
