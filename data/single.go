package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
)

// A single text is a corpus by this rule: it is cut after the first lines that end
// at or after 90% and 95% of its bytes, and the parts, in their order, are the
// train, the valid and the test text.
// In twentieths:
var cutAt = [2]int64{18, 19}

// part is a stretch of a file, from and to in bytes.
type part struct{ from, to int64 }

// singleCorpus returns the corpus that the text at path is.
func singleCorpus(path string) (*Corpus, error) {
	parts, err := cutText(path)
	if err != nil {
		return nil, err
	}
	base := filepath.Base(path)
	c := &Corpus{Name: strings.TrimSuffix(base, filepath.Ext(base))}
	if c.Name == "" { // such as .txt
		c.Name = base
	}
	c.path = func(split string) string { return fmt.Sprintf("%s[%s]", path, split) }
	c.open = func(split string) (io.ReadCloser, error) {
		f, size, err := regular.Open(path)
		if err != nil {
			return nil, err
		}
		p := parts[split]
		if size < p.to {
			return nil, errors.Join(fmt.Errorf("%s: changed while it was being read; run this again", path), f.Close())
		}
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(f, p.from, p.to-p.from), f}, nil
	}
	return c, nil
}

// cutText finds where the splits of a text begin and end.
func cutText(path string) (map[string]part, error) {
	f, size, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size == 0 {
		return nil, badfile.New(path, "", "is empty; want a text")
	}
	var head [8]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if kind := badfile.NotText(head[:n]); kind != "" {
		return nil, badfile.New(path, "", "%s", kind)
	}
	parts := make(map[string]part, len(Splits))
	var from int64
	for i, split := range Splits {
		to := size
		if i < len(cutAt) {
			if to, err = lineEnd(f, max(from+1, (cutAt[i]*size+19)/20)); err != nil {
				return nil, err
			}
		}
		if to == from {
			return nil, &NotFoundError{path, "its last tenth has fewer than two lines; want a text whose lines can be cut into train, valid and test, or a folder of the three"}
		}
		parts[split], from = part{from, to}, to
	}
	return parts, nil
}

// lineEnd returns the first end of a line at or after a position, in bytes: just
// after its newline, or the end of the file.
func lineEnd(f *os.File, at int64) (int64, error) {
	at-- // a newline there ends its line at the position
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	in := bufio.NewReader(f)
	for {
		b, err := in.ReadSlice('\n')
		at += int64(len(b))
		if err == nil || errors.Is(err, io.EOF) {
			return at, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return 0, err
		}
	}
}
