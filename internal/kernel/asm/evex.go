package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/x86"
)

// Neither avo nor Go's assembler knows the instructions on bfloat16. Their
// operands are those of instructions that avo does know, so it finds their
// registers; assemble then turns them into bytes, which stand in their place.

// VDPBF16PS adds to each lane of acc the products of the two numbers of the lane
// in x and y.
func VDPBF16PS(x, y, acc operand.Op) {
	i, err := x86.VFMADD231PS(x, y, acc)
	emitAs("VDPBF16PS", i, err)
}

// VCVTNE2PS2BF16 rounds low and high to the lower and the upper half of to.
func VCVTNE2PS2BF16(low, high, to operand.Op) {
	i, err := x86.VADDPS(low, high, to)
	emitAs("VCVTNE2PS2BF16", i, err)
}

func emitAs(name string, i *ir.Instruction, err error) {
	if err != nil {
		panic(err)
	}
	i.Opcode = name
	i.ISA = []string{"AVX512_BF16"}
	Instruction(i)
}

// An evex is what tells an instruction on three registers from another, in the map
// 0F38 of EVEX instructions with W = 0: its prefix (2 for F3, 3 for F2) and its
// opcode. See the Intel 64 manual, volume 2, section 2.7.
type evex struct{ prefix, opcode byte }

var evexes = map[string]evex{
	"VDPBF16PS":      {2, 0x52},
	"VCVTNE2PS2BF16": {3, 0x72},
}

// encode returns the instruction on the registers, of 512 bits (Z) or 256 (Y),
// numbered as Go's assembler orders them: the second source, the first, the
// destination.
func (e evex) encode(kind byte, y, x, to int) []byte {
	not := func(n, bit, at int) byte { return byte(^n>>bit&1) << at }
	const map0F38, fixed, registers = 2, 1 << 2, 3 << 6
	length := map[byte]byte{'Y': 1 << 5, 'Z': 2 << 5}[kind]
	return []byte{
		0x62,
		not(to, 3, 7) | not(y, 4, 6) | not(y, 3, 5) | not(to, 4, 4) | map0F38,
		byte(^x&15)<<3 | fixed | e.prefix,
		length | not(x, 4, 3),
		e.opcode,
		registers | byte(to&7)<<3 | byte(y&7),
	}
}

var unknown = regexp.MustCompile(`(?m)^\t(VDPBF16PS|VCVTNE2PS2BF16) +([YZ])(\d+), [YZ](\d+), [YZ](\d+)$`)

// assemble replaces the instructions in the assembly that Go's assembler does not
// know by their bytes.
func assemble(text []byte) []byte {
	return unknown.ReplaceAllFunc(text, func(line []byte) []byte {
		m := unknown.FindSubmatch(line)
		var z [3]int
		for i := range z {
			z[i], _ = strconv.Atoi(string(m[3+i]))
		}
		b := evexes[string(m[1])].encode(m[2][0], z[0], z[1], z[2])
		return fmt.Appendf(nil, "\tLONG $0x%02x%02x%02x%02x; WORD $0x%02x%02x // %s", b[3], b[2], b[1], b[0], b[5], b[4], bytes.Join(bytes.Fields(line), []byte(" ")))
	})
}

// assembleOutput does so in the file that avo has written.
func assembleOutput() error {
	name := flag.Lookup("out").Value.String()
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, assemble(text), 0o644)
}
