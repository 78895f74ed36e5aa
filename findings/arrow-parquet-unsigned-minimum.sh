#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2, packages parquet.
#
# The minimum that the Parquet writer states for a nullable column of unsigned numbers is the
# greatest there is: it starts there and is compared as a signed number, -1, which no value
# is below. A reader that skips row groups by their bounds finds none that could hold a token
# of number 5. The numbers themselves, and columns that are not nullable, are written right.
# Way round: parquet.WithStats(false), signed numbers, or a field that is not nullable.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

func main() {
	b := array.NewUint32Builder(memory.DefaultAllocator)
	b.AppendValues([]uint32{7, 5, 9}, nil)
	tokens := b.NewArray()
	for _, nullable := range []bool{false, true} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "tokens", Type: tokens.DataType(), Nullable: nullable}}, nil)
		var buf bytes.Buffer
		w, err := pqarrow.NewFileWriter(schema, &buf, nil, pqarrow.DefaultWriterProps())
		check(err)
		check(w.Write(array.NewRecord(schema, []arrow.Array{tokens}, 3)))
		check(w.Close())

		f, err := file.NewParquetReader(bytes.NewReader(buf.Bytes()))
		check(err)
		column, err := f.MetaData().RowGroup(0).ColumnChunk(0)
		check(err)
		statistics, err := column.Statistics()
		check(err)
		s := statistics.(*metadata.Int32Statistics)
		fmt.Println(tokens, "nullable:", nullable, "minimum", uint32(s.Min()), "maximum", uint32(s.Max()))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/parquet/file@v15.0.2 github.com/apache/arrow/go/v15/parquet/metadata@v15.0.2 github.com/apache/arrow/go/v15/parquet/pqarrow@v15.0.2 2>/dev/null
got=$(go run .)
want='[7 5 9] nullable: false minimum 5 maximum 9
[7 5 9] nullable: true minimum 4294967295 maximum 9'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe minimum is 5 and the maximum 9 both times\n' "$want"
	exit 1
}
echo 'as found: the minimum is 5 and the maximum 9 both times'
