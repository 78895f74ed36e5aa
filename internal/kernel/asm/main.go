// Command asm writes the float32 assembly of package kernel, once for AVX2 and
// once for AVX-512, from one description of each routine. Run it by go generate
// in the package's directory; a test holds its output equal to what is committed.
package main

import (
	"log"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	for _, s := range []*isa{avx2, avx512} {
		functions(s)
		vectors(s)
		softmax(s)
		lstm(s)
		steps(s)
		peak(s)
		tiles(s)
		gathers(s)
		traces(s)
		weights(s)
	}
	blocks()
	transpose8()
	packStrips()
	tiles(dots)
	pairRow()
	pairColumns()
	roundBF16()
	Generate()
	if err := assembleOutput(); err != nil {
		log.Fatal(err)
	}
}
