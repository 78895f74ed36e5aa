#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2, package compute, on amd64.
#
# The function equal finds NaN equal to NaN, and not_equal finds it not unequal: a number that
# is not one compares unequal to all, itself included, in IEEE 754, Go and Arrow for C++. To
# ask for x != x, the usual way to find the losses that ran away, finds none. The neighbours
# do not agree either: less_equal of the same two is false. Way round: a loop over the values
# with math.IsNaN; the package has no function for it.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/compute"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func main() {
	b := array.NewFloat64Builder(memory.DefaultAllocator)
	b.AppendValues([]float64{1, math.NaN(), 3}, nil)
	x := b.NewArray()
	fmt.Println("x:", x)
	for _, name := range []string{"equal", "not_equal", "less_equal"} {
		got, err := compute.CallFunction(context.Background(), name, nil, compute.NewDatum(x), compute.NewDatum(x))
		if err != nil {
			panic(err)
		}
		fmt.Println(name, "x:", got.(*compute.ArrayDatum).MakeArray())
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/arrow/compute@v15.0.2 2>/dev/null
got=$(go run .)
want='x: [1 NaN 3]
equal x: [true true true]
not_equal x: [false false false]
less_equal x: [true false true]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nequal is [true false true], not_equal is [false true false]\n' "$want"
	exit 1
}
echo 'as found: equal is [true false true], not_equal is [false true false]'
