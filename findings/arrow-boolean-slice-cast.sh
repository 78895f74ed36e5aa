#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# Casting a slice of a boolean array to numbers reads the array from its beginning: the
# slice from 2 to 5 of [true false false true true] is [false true true], and its cast
# to int32 is that of the first three, [1 0 0].
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
	b := array.NewBooleanBuilder(memory.DefaultAllocator)
	b.AppendValues([]bool{true, false, false, true, true}, nil)
	slice := array.NewSlice(b.NewBooleanArray(), 2, 5)
	cast, err := compute.CastArray(context.Background(), slice, compute.SafeCastOptions(arrow.PrimitiveTypes.Int32))
	if err != nil {
		panic(err)
	}
	fmt.Println(slice, "cast to int32:", cast)
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/compute@v15.0.2 2>/dev/null
got=$(go run .)
want='[false true true] cast to int32: [1 0 0]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\n[0 1 1] is right\n' "$want"
	exit 1
}
echo 'as found: [0 1 1] is right'
