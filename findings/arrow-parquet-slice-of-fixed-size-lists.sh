#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# A slice of an array of fixed-size lists, such as a batch of embeddings, is written to
# Parquet from the beginning of the array: rows 2 and 3 of [[1 2] [3 4] [5 6] [7 8]] come
# back as rows 0 and 1, without an error.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"
)

func main() {
	b := array.NewFixedSizeListBuilder(memory.DefaultAllocator, 2, arrow.PrimitiveTypes.Int32)
	for i := int32(0); i < 4; i++ {
		b.Append(true)
		b.ValueBuilder().(*array.Int32Builder).AppendValues([]int32{2*i + 1, 2*i + 2}, nil)
	}
	slice := array.NewSlice(b.NewArray(), 2, 4)
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: slice.DataType(), Nullable: true}}, nil)

	var buf bytes.Buffer
	w, err := pqarrow.NewFileWriter(schema, &buf, nil, pqarrow.DefaultWriterProps())
	check(err)
	check(w.Write(array.NewRecord(schema, []arrow.Array{slice}, 2)))
	check(w.Close())

	f, err := file.NewParquetReader(bytes.NewReader(buf.Bytes()))
	check(err)
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	check(err)
	table, err := r.ReadTable(context.Background())
	check(err)
	fmt.Println("written:", slice)
	fmt.Println("read:   ", table.Column(0).Data().Chunk(0))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/parquet/file@v15.0.2 github.com/apache/arrow/go/v15/parquet/pqarrow@v15.0.2 2>/dev/null
got=$(go run .)
want='written: [[5 6] [7 8]]
read:    [[1 2] [3 4]]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\n[[5 6] [7 8]] is right\n' "$want"
	exit 1
}
echo 'as found: [[5 6] [7 8]] is right'
