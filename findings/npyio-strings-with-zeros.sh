#!/usr/bin/env bash
# github.com/sbinet/npyio v0.9.0.
#
# An array of strings, which NumPy stores as four bytes a character, is read with all four:
# "ab" has the length 8 and zeros between its letters, so no word is found in a vocabulary,
# though it prints alike. npyio writes such an array as NumPy does and does not read its own.
# NumPy reads ab, c. Way round: save bytes, numpy.array(words, dtype="S").
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"

	"github.com/sbinet/npyio"
)

func main() {
	var file bytes.Buffer
	check(npyio.Write(&file, []string{"ab", "c"}))
	fmt.Println("two-character strings of NumPy:", bytes.Contains(file.Bytes(), []byte("'<U2'")))
	var words []string
	check(npyio.Read(&file, &words))
	fmt.Printf("%q is ab: %v\n", words[0], words[0] == "ab")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/sbinet/npyio@v0.9.0 2>/dev/null
got=$(go run .)
want='two-character strings of NumPy: true
"a\x00\x00\x00b\x00\x00\x00" is ab: false'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nit is ab\n' "$want"
	exit 1
}
echo 'as found: it is ab'
