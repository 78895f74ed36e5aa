package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What GNU as makes of some of the instructions, in its order of operands.
var assembled = []struct {
	name     string
	kind     byte
	y, x, to int
	bytes    string
}{
	{"VDPBF16PS", 'Z', 0, 1, 2, "62f2764852d0"},
	{"VDPBF16PS", 'Z', 30, 28, 0, "62921e4052c6"},
	{"VDPBF16PS", 'Z', 7, 15, 31, "6262064852ff"},
	{"VDPBF16PS", 'Z', 8, 16, 24, "62427e4052c0"},
	{"VDPBF16PS", 'Y', 0, 1, 2, "62f2762852d0"},
	{"VDPBF16PS", 'Y', 30, 28, 0, "62921e2052c6"},
	{"VDPBF16PS", 'Y', 7, 15, 31, "6262062852ff"},
	{"VCVTNE2PS2BF16", 'Z', 3, 2, 1, "62f26f4872cb"},
	{"VCVTNE2PS2BF16", 'Z', 17, 9, 8, "6232374872c1"},
}

func TestEncode(t *testing.T) {
	for _, c := range assembled {
		if got := hex.EncodeToString(evexes[c.name].encode(c.kind, c.y, c.x, c.to)); got != c.bytes {
			t.Errorf("%s of %c%d, %d, %d is %s, want %s", c.name, c.kind, c.y, c.x, c.to, got, c.bytes)
		}
	}
}

// Every register in every place, beside GNU as where there is one.
func TestEncodeAsGNU(t *testing.T) {
	as, err := exec.LookPath("as")
	if err != nil {
		t.Log("no GNU as here: TestEncode holds the encoder to some of its output")
		return
	}
	var source strings.Builder
	var want []byte
	for name, e := range evexes {
		for n := range 64 {
			kind, n := "YZ"[n/32], n%32
			for _, z := range [][3]int{{n, 1, 2}, {1, n, 2}, {1, 2, n}, {n, 31 - n, n ^ 5}} {
				fmt.Fprintf(&source, "%s %%%[2]cmm%[3]d, %%%[2]cmm%[4]d, %%%[2]cmm%[5]d\n", strings.ToLower(name), kind|0x20, z[0], z[1], z[2])
				want = append(want, e.encode(kind, z[0], z[1], z[2])...)
			}
		}
	}
	dir := t.TempDir()
	in, object := filepath.Join(dir, "in.s"), filepath.Join(dir, "in.o")
	if err := os.WriteFile(in, []byte(source.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(as, in, "-o", object).CombinedOutput(); err != nil {
		t.Logf("this assembler does not know the instructions: %v: %s", err, out)
		return
	}
	got, err := os.ReadFile(object)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got, want) {
		t.Error("GNU as gives other bytes")
	}
}

// A line of an instruction that Go's assembler does not know becomes its bytes, and
// no other line changes.
func TestAssemble(t *testing.T) {
	const in = "\tVMOVUPS    (AX), Z1\n\tVDPBF16PS  Z30, Z28, Z0\n\tVDPBF16PS  Y7, Y15, Y31\n\tVFMADD231PS Z1, Z2, Z3\n"
	const want = "\tVMOVUPS    (AX), Z1\n\tLONG $0x401e9262; WORD $0xc652 // VDPBF16PS Z30, Z28, Z0\n\tLONG $0x28066262; WORD $0xff52 // VDPBF16PS Y7, Y15, Y31\n\tVFMADD231PS Z1, Z2, Z3\n"
	if got := string(assemble([]byte(in))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
