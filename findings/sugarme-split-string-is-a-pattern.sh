#!/usr/bin/env bash
# github.com/sugarme/tokenizer v0.3.0.
#
# A Split pre-tokenizer in tokenizer.json has a Regex or a String, and the String is read as
# a regular expression too. Split at "." and drop it: "ab.a.b" is three words, and nothing is
# left of it, since the pattern fits each character. Both spellings should give [ab a b].
# Way round: write the String as a Regex, with the characters escaped.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"github.com/sugarme/tokenizer/pretrained"
)

const config = `{
	"pre_tokenizer": {"type": "Split", "pattern": {%s}, "behavior": "Removed", "invert": false},
	"model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3}}
}`

func main() {
	for _, pattern := range []string{`"Regex": "\\."`, `"String": "."`} {
		t, err := pretrained.FromReader(strings.NewReader(fmt.Sprintf(config, pattern)))
		if err != nil {
			panic(err)
		}
		e, err := t.EncodeSingle("ab.a.b")
		if err != nil {
			panic(err)
		}
		fmt.Println(pattern, e.Tokens, e.Ids)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/sugarme/tokenizer@v0.3.0 github.com/sugarme/tokenizer/pretrained@v0.3.0 2>/dev/null
got=$(go run .)
want='"Regex": "\\." [ab a b] [3 1 2]
"String": "." [] []'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nboth are [ab a b] [3 1 2]\n' "$want"
	exit 1
}
echo 'as found: both are [ab a b] [3 1 2]'
