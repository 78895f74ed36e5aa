package badfile

import "bytes"

// NotText says what a file is, and what to do about it, that begins so and is no
// plain text in UTF-8, though it may hold one; "" for any other beginning, and for all
// that a text could begin with. Eight bytes are enough.
func NotText(prefix []byte) string {
	if len(prefix) == 8 && bytes.HasPrefix(prefix, []byte("BZh")) && string(prefix[4:]) == "1AY&" {
		return "is compressed by bzip2; unpack it first (bunzip2)"
	}
	for _, k := range []struct{ magic, what string }{
		{"\x1f\x8b", "is compressed by gzip; unpack it first (gunzip)"},
		{"\xfd7zXZ", "is compressed by xz; unpack it first (unxz)"},
		{"\x28\xb5\x2f\xfd", "is compressed by zstd; unpack it first (unzstd)"},
		{"PK\x03\x04", "is a zip archive; unpack it first (unzip)"},
		{"PAR1\x15", "is a Parquet file; want its texts as plain text"},
		{"ARROW1\x00", "is an Arrow file; want its texts as plain text"},
		{"\x93NUMPY", "is a NumPy array; want plain text"},
		{"\x89HDF", "is an HDF5 file; want plain text"},
		{"\xff\xfe", "is in UTF-16; want UTF-8 (iconv -f UTF-16 -t UTF-8)"},
		{"\xfe\xff", "is in UTF-16; want UTF-8 (iconv -f UTF-16 -t UTF-8)"},
	} {
		if bytes.HasPrefix(prefix, []byte(k.magic)) {
			return k.what
		}
	}
	return ""
}

// ByteOrderMark begins a text of some Windows programs. It is no space, so it becomes
// a part of the first word.
const ByteOrderMark = "\ufeff"

// MarkWarning says so of a text.
const MarkWarning = "begins with a byte order mark, which becomes a part of its first word: remove it"
