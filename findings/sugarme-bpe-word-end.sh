#!/usr/bin/env bash
# github.com/sugarme/tokenizer v0.3.0.
#
# The end_of_word_suffix of a BPE model is never appended: the last letter of a word is told
# by an index that stops one short of it. With the merges l+o, lo+w</w> and lo+w the word
# "low" is one token, low</w>, number 6; it comes out as low, number 7, which is its spelling
# inside of a word. Models of the older kind (GPT, CLIP) hold most words in both spellings,
# so all words get another row of the embedding, without an error. Way round: none but a
# vocabulary without a suffix.
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
	"pre_tokenizer": {"type": "Whitespace"},
	"model": {
		"type": "BPE", "unk_token": "<unk>", "end_of_word_suffix": "</w>",
		"vocab": {"<unk>": 0, "l": 1, "o": 2, "w": 3, "w</w>": 4, "lo": 5, "low</w>": 6, "low": 7},
		"merges": ["l o", "lo w</w>", "lo w"]
	}
}`

func main() {
	t, err := pretrained.FromReader(strings.NewReader(config))
	if err != nil {
		panic(err)
	}
	e, err := t.EncodeSingle("low low")
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Tokens, e.Ids)
}
GO
go mod init finding 2>/dev/null
go get github.com/sugarme/tokenizer@v0.3.0 github.com/sugarme/tokenizer/pretrained@v0.3.0 2>/dev/null
got=$(go run .)
want='[low low] [7 7]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\n[low</w> low</w>] [6 6] is right\n' "$want"
	exit 1
}
echo 'as found: [low</w> low</w>] [6 6] is right'
