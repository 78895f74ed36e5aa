#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# bit_wise_and and bit_wise_or of two slices of int8 or uint8 arrays that do not begin with
# the array leave the last element 0, without an error: x & x is x. Wider integers are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/compute"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func main() {
	mem := memory.DefaultAllocator
	narrow, wide := array.NewInt8Builder(mem), array.NewInt16Builder(mem)
	narrow.AppendValues([]int8{1, 2, 3, 4, 5, 6}, nil)
	wide.AppendValues([]int16{1, 2, 3, 4, 5, 6}, nil)
	for _, all := range []arrow.Array{narrow.NewArray(), wide.NewArray()} {
		x := array.NewSlice(all, 1, 5)
		for _, name := range []string{"bit_wise_and", "bit_wise_or"} {
			got, err := compute.CallFunction(context.Background(), name, nil, compute.NewDatum(x), compute.NewDatum(x))
			if err != nil {
				panic(err)
			}
			fmt.Println(x.DataType(), x, name, "itself:", got.(*compute.ArrayDatum).MakeArray())
		}
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/arrow/compute@v15.0.2 2>/dev/null
got=$(go run .)
want='int8 [2 3 4 5] bit_wise_and itself: [2 3 4 0]
int8 [2 3 4 5] bit_wise_or itself: [2 3 4 0]
int16 [2 3 4 5] bit_wise_and itself: [2 3 4 5]
int16 [2 3 4 5] bit_wise_or itself: [2 3 4 5]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nit is [2 3 4 5] each time\n' "$want"
	exit 1
}
echo 'as found: it is [2 3 4 5] each time'
