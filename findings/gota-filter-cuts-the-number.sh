#!/usr/bin/env bash
# github.com/go-gota/gota v0.12.0.
#
# A filter of a column of integers cuts the number it compares with to an integer: of 1, 2
# and 3, less than 2.5 finds 1 alone, and equal to 2.5 finds 2. The same numbers as floats
# are filtered right. Which kind a column of a CSV file has is guessed from what it holds, so
# one more row can change what is found. Way round: name the types with WithTypes.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/go-gota/gota/dataframe"
	"github.com/go-gota/gota/series"
)

func main() {
	for _, kind := range []series.Type{series.Float, series.Int} {
		x := dataframe.New(series.New([]string{"1", "2", "3"}, kind, "x"))
		less := x.Filter(dataframe.F{Colname: "x", Comparator: series.Less, Comparando: 2.5})
		equal := x.Filter(dataframe.F{Colname: "x", Comparator: series.Eq, Comparando: 2.5})
		fmt.Println(kind, "less than 2.5:", less.Col("x").Float(), "equal:", equal.Nrow())
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/go-gota/gota/dataframe@v0.12.0 github.com/go-gota/gota/series@v0.12.0 2>/dev/null
got=$(go run .)
want='float less than 2.5: [1 2] equal: 0
int less than 2.5: [1] equal: 1'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nboth are [1 2] and 0\n' "$want"
	exit 1
}
echo 'as found: both are [1 2] and 0'
