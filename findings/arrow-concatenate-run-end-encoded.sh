#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# Concatenate joins the whole runs of run-end encoded slices that begin or end within a
# run, and cuts what is too long at the end: [a a a b b], a slice from 1 to 6 of four a and
# four b, joined with itself has the right length and the wrong values.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func main() {
	b := array.NewRunEndEncodedBuilder(memory.DefaultAllocator, arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String)
	for _, v := range []string{"a", "b"} {
		b.Append(4)
		b.ValueBuilder().(*array.StringBuilder).Append(v)
	}
	slice := array.NewSlice(b.NewArray(), 1, 6)
	joined, err := array.Concatenate([]arrow.Array{slice, slice}, memory.DefaultAllocator)
	if err != nil {
		panic(err)
	}
	fmt.Println("slice: ", values(slice))
	fmt.Println("joined:", values(joined))
}

func values(a arrow.Array) string {
	text, err := a.MarshalJSON()
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer("\n", "", `"`, "").Replace(string(text))
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 2>/dev/null
got=$(go run .)
want='slice:  [a,a,a,b,b]
joined: [a,a,a,a,b,b,b,b,a,a]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\njoined is [a,a,a,b,b,a,a,a,b,b]\n' "$want"
	exit 1
}
echo 'as found: joined is [a,a,a,b,b,a,a,a,b,b]'
