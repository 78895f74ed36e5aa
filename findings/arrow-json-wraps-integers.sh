#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2.
#
# An integer in JSON that its column cannot hold is wrapped without an error, and a fraction
# is cut: 200 in a column of int8 is -56, 1.5 is 1. The same number as a JSON string is refused,
# as it is by the CSV reader. A schema that was made too narrow so reads other tokens. Way
# round: array.WithUseNumber, which is there for numbers above 2^53, refuses them too.
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
	for _, text := range []string{`[200, 70000, 1.5]`, `["200"]`} {
		a, _, err := array.FromJSON(memory.DefaultAllocator, arrow.PrimitiveTypes.Int8, strings.NewReader(text))
		fmt.Println(text, "->", a, "refused:", err != nil)
	}
	_, _, err := array.FromJSON(memory.DefaultAllocator, arrow.PrimitiveTypes.Int8, strings.NewReader("[200]"), array.WithUseNumber())
	fmt.Println("[200] with UseNumber refused:", err != nil)
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/array@v15.0.2 2>/dev/null
got=$(go run .)
want='[200, 70000, 1.5] -> [-56 112 1] refused: false
["200"] -> <nil> refused: true
[200] with UseNumber refused: true'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\neach is refused\n' "$want"
	exit 1
}
echo 'as found: each is refused'
