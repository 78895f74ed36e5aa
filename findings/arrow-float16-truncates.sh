#!/usr/bin/env bash
# github.com/apache/arrow/go/v15 v15.0.2; the code is the same in arrow-go v18.8.0.
#
# float16.New cuts a float32 short in place of rounding it to the nearest half, and makes 0
# of what is below 6.1e-5, though halves go down to 6e-8. Reading is no better: the bits of
# such a small half, from a file that NumPy or PyTorch wrote, come out 2^-112 times too small.
# Weights stored as halves so lose up to twice as much as they must, always towards 0, and
# small ones vanish. Way round: convert with github.com/x448/float16, and keep the bits.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/apache/arrow/go/v15/arrow/float16"
)

func main() {
	for _, x := range []float32{1.0009, 2051, 6e-6, 6e-8, 1.9999} {
		fmt.Printf("%v -> %v\n", x, float16.New(x).Float32())
	}
	fmt.Printf("bits 0001 -> %.3g\n", float16.FromBits(1).Float32())
}
GO
go mod init finding 2>/dev/null
go get github.com/apache/arrow/go/v15/arrow/float16@v15.0.2 2>/dev/null
got=$(go run .)
want='1.0009 -> 1
2051 -> 2050
6e-06 -> 0
6e-08 -> 0
1.9999 -> 1.9990234
bits 0001 -> 1.15e-41'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nNumPy gives 1.0009766, 2052, 6.020069e-06, 5.9604645e-08, 2 and 5.96e-08\n' "$want"
	exit 1
}
echo 'as found: NumPy gives 1.0009766, 2052, 6.020069e-06, 5.9604645e-08, 2 and 5.96e-08'
