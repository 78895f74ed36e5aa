#!/usr/bin/env bash
# github.com/go-gota/gota v0.12.0.
#
# GroupBy of two columns joins the values by "_" to name a group, and puts rows together
# whose names come out alike: the runs of (lstm_small, plain) and (lstm, small_plain) are
# one group with one mean. Way round: group by one column, made with a sign that no value
# holds.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/go-gota/gota/dataframe"
)

func main() {
	runs := dataframe.LoadRecords([][]string{
		{"model", "variant", "perplexity"},
		{"lstm_small", "plain", "100"},
		{"lstm", "small_plain", "200"},
	})
	mean := runs.GroupBy("model", "variant").Aggregation([]dataframe.AggregationType{dataframe.Aggregation_MEAN}, []string{"perplexity"})
	fmt.Println("groups:", mean.Nrow(), "means:", mean.Col("perplexity_MEAN").Float())
}
GO
go mod init finding 2>/dev/null
go get github.com/go-gota/gota/dataframe@v0.12.0 github.com/go-gota/gota/series@v0.12.0 2>/dev/null
got=$(go run .)
want='groups: 1 means: [150]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nthere are two groups, 100 and 200\n' "$want"
	exit 1
}
echo 'as found: there are two groups, 100 and 200'
