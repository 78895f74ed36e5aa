#!/usr/bin/env bash
# github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794, package stats.
#
# MannWhitneyUTest gives a wrong p-value where values tie and the samples differ in
# size. [1 1 1] against [0 1]: of the 10 ways to choose which 3 of the 5 values are
# the first sample's, the 4 that leave the 0 to the other have U = 4.5, as here, and
# the other 6 have U = 2. Twice the smaller tail is 2 x 4/10 = 0.8. It says 0.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/aclements/go-moremath/stats"
)

func main() {
	r, err := stats.MannWhitneyUTest([]float64{1, 1, 1}, []float64{0, 1}, stats.LocationDiffers)
	if err != nil {
		panic(err)
	}
	fmt.Printf("U = %v, p = %v\n", r.U, r.P)
}
GO
go mod init finding 2>/dev/null
go get github.com/aclements/go-moremath@v0.0.0-20210112150236-f10218a38794 2>/dev/null
got=$(go run .)
echo "$got"
[[ $got == 'U = 4.5, p = 0' ]] || {
	echo 'changed: it printed "U = 4.5, p = 0"; by enumeration p is 0.8'
	exit 1
}
echo 'as found: by enumeration p is 0.8'
