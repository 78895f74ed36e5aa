#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# Comparing arrays of fixed-size binary values ignores where a slice begins: the slice from
# 1 to 3 of ["aa" "bb" "cc"] is found unequal to an array of the same two values.
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

func values(of ...string) arrow.Array {
	b := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, &arrow.FixedSizeBinaryType{ByteWidth: 2})
	for _, v := range of {
		b.Append([]byte(v))
	}
	return b.NewArray()
}

func main() {
	slice := array.NewSlice(values("aa", "bb", "cc"), 1, 3)
	same := values("bb", "cc")
	fmt.Println("array.Equal:", array.Equal(slice, same))
	for _, name := range []string{"equal", "less"} {
		got, err := compute.CallFunction(context.Background(), name, nil, compute.NewDatum(slice), compute.NewDatum(same))
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %v\n", name, got.(*compute.ArrayDatum).MakeArray())
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/arrow/compute@v15.0.2 2>/dev/null
got=$(go run .)
want='array.Equal: true
equal: [false false]
less: [true true]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nequal is [true true], less is [false false]\n' "$want"
	exit 1
}
echo 'as found: equal is [true true], less is [false false]'
