package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"github.com/engram-lm/engram/internal/badfile"
)

// ArrowSplit is a split with what its Arrow file records beside it.
type ArrowSplit struct {
	Split
	TokenizerHash string // tokenizer.Tokenizer.Hash of the vocabulary of the ids
}

// The schema's metadata, by key.
const (
	keyFormat     = "engram.format"
	keySplit      = "engram.split"
	keySource     = "engram.source_sha256"
	keyTokenizer  = "engram.tokenizer_sha256"
	keyTokens     = "engram.tokens"
	keyLines      = "engram.lines"
	keyCharacters = "engram.characters"
	keyUnknown    = "engram.unknown"
)

const columnToken = "token"

// recordRows is how many tokens a record batch holds: 4 MiB.
const recordRows = 1 << 20

func (s *ArrowSplit) schema() *arrow.Schema {
	metadata := arrow.NewMetadata(
		[]string{keyFormat, keySplit, keySource, keyTokenizer, keyTokens, keyLines, keyCharacters, keyUnknown},
		[]string{formatVersion, s.Name, s.SourceHash, s.TokenizerHash, strconv.Itoa(len(s.Tokens)),
			strconv.FormatInt(s.Lines, 10), strconv.FormatInt(s.Characters, 10), strconv.FormatInt(s.Unknown, 10)})
	return arrow.NewSchema([]arrow.Field{{Name: columnToken, Type: arrow.PrimitiveTypes.Int32}}, &metadata)
}

// WriteArrow writes a split as an Arrow IPC file: one column of int32, "token",
// and in the schema's metadata the split's name, the hashes of text and
// tokenizer, and the counts. The same split gives the same bytes. It returns
// their number and SHA-256, which ReadArrow asks for.
func WriteArrow(w io.Writer, s ArrowSplit) (size int64, sha string, err error) {
	hash := sha256.New()
	counted := &appendOnly{w: io.MultiWriter(w, hash)}
	schema := s.schema()
	out, err := ipc.NewFileWriter(counted, ipc.WithSchema(schema))
	if err != nil {
		return 0, "", err
	}
	builder := array.NewInt32Builder(memory.DefaultAllocator)
	defer builder.Release()
	for start := 0; start < len(s.Tokens); start += recordRows {
		rows := s.Tokens[start:min(start+recordRows, len(s.Tokens))]
		builder.AppendValues(rows, nil)
		column := builder.NewArray()
		record := array.NewRecord(schema, []arrow.Array{column}, int64(len(rows)))
		err = out.Write(record)
		record.Release()
		column.Release()
		if err != nil {
			return 0, "", err
		}
	}
	if err := out.Close(); err != nil {
		return 0, "", err
	}
	return counted.n, hex.EncodeToString(hash.Sum(nil)), nil
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

// ReadArrow reads the Arrow file at path, which must have the given size in
// bytes and SHA-256; a file that has not, or is no split, is a *badfile.Error.
//
// The tokens are copied into memory once and not mapped: the hash has to read
// every byte anyway, the Arrow reader copies in either case, a mapping would
// crash the program where another cuts the file short, and a corpus is 4 bytes
// a word.
func ReadArrow(path string, size int64, sha string) (*ArrowSplit, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != size {
		return nil, badfile.New(path, "", "has %d bytes; want %d: it was cut or altered", info.Size(), size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != sha {
		return nil, badfile.New(path, "", "has the SHA-256 %x; want %.64s: it was altered", sum, sha)
	}
	return decodeArrow(path, data)
}

func decodeArrow(path string, data []byte) (s *ArrowSplit, err error) {
	// The bytes are those that were written, so a panic here is a mistake of
	// ours or the library's; still, it stops at this package's edge.
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, badfile.New(path, "", "is no Arrow file: %v", r)
		}
	}()
	in, err := ipc.NewFileReader(bytes.NewReader(data))
	if err != nil {
		return nil, badfile.New(path, "", "is no Arrow file: %v", err)
	}
	defer in.Close()
	s, rows, err := decodeSchema(path, in.Schema())
	if err != nil {
		return nil, err
	}
	// A hostile count must not become an allocation: the rows are in the file.
	if rows > int64(len(data)/4) {
		return nil, badfile.New(path, keyTokens, "is %d; the file has room for %d", rows, len(data)/4)
	}
	s.Tokens = make([]int32, 0, rows)
	for i := range in.NumRecords() {
		record, err := in.RecordAt(i)
		if err != nil {
			return nil, badfile.New(path, "", "record %d: %v", i, err)
		}
		column, ok := record.Column(0).(*array.Int32)
		if !ok || column.NullN() > 0 {
			record.Release()
			return nil, badfile.New(path, columnToken, "is not a column of int32 without nulls")
		}
		s.Tokens = append(s.Tokens, column.Int32Values()...)
		record.Release()
	}
	if int64(len(s.Tokens)) != rows {
		return nil, badfile.New(path, keyTokens, "is %d; the file has %d rows", rows, len(s.Tokens))
	}
	return s, nil
}

func decodeSchema(path string, schema *arrow.Schema) (s *ArrowSplit, rows int64, err error) {
	if schema.NumFields() != 1 || schema.Field(0).Name != columnToken {
		return nil, 0, badfile.New(path, "schema", "want the one column %q", columnToken)
	}
	text := schema.Metadata().ToMap()
	if text[keyFormat] != formatVersion {
		return nil, 0, badfile.New(path, keyFormat, "is %.40q; want %q", text[keyFormat], formatVersion)
	}
	s = new(ArrowSplit)
	s.Name, s.SourceHash, s.TokenizerHash = text[keySplit], text[keySource], text[keyTokenizer]
	for _, count := range []struct {
		key  string
		into *int64
	}{{keyTokens, &rows}, {keyLines, &s.Lines}, {keyCharacters, &s.Characters}, {keyUnknown, &s.Unknown}} {
		n, err := strconv.ParseUint(text[count.key], 10, 63)
		if err != nil {
			return nil, 0, badfile.New(path, count.key, "is %.40q; want a count of at most %d", text[count.key], int64(math.MaxInt64))
		}
		*count.into = int64(n)
	}
	return s, rows, nil
}
