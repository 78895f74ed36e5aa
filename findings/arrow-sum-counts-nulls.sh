#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# math.Int64.Sum adds what lies in the slots of nulls, which is nobody's value: of
# [1 null 3], built from the values 1, 100, 3 of which the second is not valid, it
# gives 104. An array without nulls is summed right.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/math"
	"github.com/apache/arrow/go/v15/arrow/memory"
)

func main() {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	for _, valid := range [][]bool{nil, {true, false, true}} {
		b.AppendValues([]int64{1, 100, 3}, valid)
		a := b.NewInt64Array()
		fmt.Println(a, "sum:", math.Int64.Sum(a))
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/math@v15.0.2 2>/dev/null
got=$(go run .)
want='[1 100 3] sum: 104
[1 (null) 3] sum: 104'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\n4 is right for the second\n' "$want"
	exit 1
}
echo 'as found: 4 is right for the second'
