#!/usr/bin/env bash
# github.com/sugarme/tokenizer v0.3.0.
#
# Tokenizer.Save returns nil and writes no file; Serialize returns an empty text.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/model/wordlevel"
)

func main() {
	builder := wordlevel.NewWordLevelBuilder()
	builder.Vocab(map[string]int{"<unk>": 0, "word": 1})
	builder.UnkToken("<unk>")
	t := tokenizer.NewTokenizer(builder.Build())
	fmt.Println("Save:", t.Save("tokenizer.json", true))
	_, err := os.Stat("tokenizer.json")
	fmt.Println("then:", err)
	fmt.Printf("Serialize: %q\n", t.Serialize(true))
}
GO
go mod init finding 2>/dev/null
go get github.com/sugarme/tokenizer@v0.3.0 github.com/sugarme/tokenizer/model/wordlevel@v0.3.0 2>/dev/null
got=$(go run .)
want='Save: <nil>
then: stat tokenizer.json: no such file or directory
Serialize: ""'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\na file and its text would be right\n' "$want"
	exit 1
}
echo 'as found: a file and its text would be right'
