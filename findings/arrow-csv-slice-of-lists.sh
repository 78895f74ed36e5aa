#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# A slice of an array of lists is written to CSV with the items of other rows, those at
# the beginning of the array: rows 2 and 3 of [[1] [2] [3 4] [5]] come out as {1} and {2}.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/csv"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func main() {
	b := array.NewListBuilder(memory.DefaultAllocator, arrow.PrimitiveTypes.Int32)
	for _, row := range [][]int32{{1}, {2}, {3, 4}, {5}} {
		b.Append(true)
		b.ValueBuilder().(*array.Int32Builder).AppendValues(row, nil)
	}
	slice := array.NewSlice(b.NewArray(), 2, 4)
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: slice.DataType()}}, nil)
	fmt.Println(slice)
	w := csv.NewWriter(os.Stdout, schema)
	if err := w.Write(array.NewRecord(schema, []arrow.Array{slice}, 2)); err != nil {
		panic(err)
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/arrow/csv@v15.0.2 2>/dev/null
got=$(go run .)
want='[[3 4] [5]]
{1}
{2}'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe rows are {3,4} and {5}\n' "$want"
	exit 1
}
echo 'as found: the rows are {3,4} and {5}'
