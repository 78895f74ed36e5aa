#!/usr/bin/env bash
# github.com/go-gota/gota v0.12.0.
#
# WriteCSV writes floats with six digits after the point, so that a p-value or a learning rate
# below 5e-7 becomes 0.000000 and others lose digits; WriteJSON writes them whole. Way round:
# turn such a column to text with strconv.FormatFloat before.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/go-gota/gota/dataframe"
	"github.com/go-gota/gota/series"
)

func main() {
	rates := dataframe.New(series.New([]float64{2.5e-7, 0.123456789}, series.Float, "rate"))
	if err := rates.WriteCSV(os.Stdout); err != nil {
		panic(err)
	}
	if err := rates.WriteJSON(os.Stdout); err != nil {
		panic(err)
	}
	fmt.Println()
}
GO
go mod init finding 2>/dev/null
go get github.com/go-gota/gota/dataframe@v0.12.0 github.com/go-gota/gota/series@v0.12.0 2>/dev/null
got=$(go run .)
want='rate
0.000000
0.123457
[{"rate":2.5e-7},{"rate":0.123456789}]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthe CSV should say what the JSON does\n' "$want"
	exit 1
}
echo 'as found: the CSV should say what the JSON does'
