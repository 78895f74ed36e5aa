#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2, package compute.
#
# floor and ceil of decimals between -1 and 1 are 0: floor of -0.50 should be -1 and ceil of
# 0.50 should be 1. Larger ones and floats are right. Way round: cast to float64 first.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/compute"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func main() {
	const numbers = `["-1.50", "-0.50", "0.50", "1.50"]`
	for _, kind := range []arrow.DataType{&arrow.Decimal128Type{Precision: 10, Scale: 2}, arrow.PrimitiveTypes.Float64} {
		x, _, err := array.FromJSON(memory.DefaultAllocator, kind, strings.NewReader(numbers))
		if err != nil {
			panic(err)
		}
		for _, name := range []string{"floor", "ceil"} {
			got, err := compute.CallFunction(context.Background(), name, nil, compute.NewDatum(x))
			if err != nil {
				panic(err)
			}
			text, err := got.(*compute.ArrayDatum).MakeArray().MarshalJSON()
			if err != nil {
				panic(err)
			}
			fmt.Println(kind, name, strings.TrimSpace(string(text)))
		}
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 github.com/apache/arrow/go/v15/arrow/compute@v15.0.2 2>/dev/null
got=$(go run .)
want='decimal(10, 2) floor ["-2","0","0","1"]
decimal(10, 2) ceil ["-1","0","0","2"]
float64 floor [-2,-1,0,1]
float64 ceil [-1,-0,1,2]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe two kinds agree\n' "$want"
	exit 1
}
echo 'as found: the two kinds agree'
