#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2, package compute.
#
# A safe cast to integers refuses a fraction, but in a slice that holds a null it asks the
# beginning of the whole array which values are null: [2.5 null], a slice from 2 to 4 of
# [null 1 2.5 null], becomes [2 null] without an error, since the first of all is null. The
# same two values in an array of their own are refused. Way round: array.Concatenate of the
# slice alone, which copies it.
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
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.AppendValues([]float64{0, 1, 2.5, 0}, []bool{false, true, true, false})
	slice := array.NewSlice(b.NewArray(), 2, 4)
	copied, err := array.Concatenate([]arrow.Array{slice}, memory.DefaultAllocator)
	if err != nil {
		panic(err)
	}
	for _, x := range []arrow.Array{copied, slice} {
		got, err := compute.CastArray(context.Background(), x, compute.SafeCastOptions(arrow.PrimitiveTypes.Int32))
		fmt.Println(x, "->", got, "refused:", err != nil)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/arrow/compute@v15.0.2 2>/dev/null
got=$(go run .)
want='[2.5 (null)] -> <nil> refused: true
[2.5 (null)] -> [2 (null)] refused: false'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe second is refused too\n' "$want"
	exit 1
}
echo 'as found: the second is refused too'
