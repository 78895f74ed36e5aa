#!/usr/bin/env bash
# github.com/sugarme/tokenizer v0.3.0.
#
# Settings of tokenizer.json that are read over, without an error. Hugging Face gives for
#   WordPiece with the prefix "@@" and the pieces play, @@ing    playing -> play @@ing
#   a normalizer that replaces the Regex a+ by b                 aa b    -> b b
#   truncation to 2 with the direction Left                      a b c d -> c d
#   BPE with fuse_unk and only a in its vocabulary               axya    -> a <unk> a
# The prefix is "##" whatever the file says, so that words become unknown; a Regex is never
# replaced; the end is always what is cut; and unknown letters stay apart. Way round: set
# what there is a method for after loading, and compare a few lines with the original.
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

func main() {
	const wordLevel = `"pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "aa": 5}}`
	for _, c := range []struct{ setting, config, text string }{
		{"continuing_subword_prefix", `"pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "@@", "max_input_chars_per_word": 100, "vocab": {"<unk>": 0, "play": 1, "@@ing": 2}}`, "playing"},
		{"Replace", `"normalizer": {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"}, ` + wordLevel, "aa b"},
		{"direction", `"truncation": {"direction": "Left", "max_length": 2, "strategy": "LongestFirst", "stride": 0}, ` + wordLevel, "a b c d"},
		{"fuse_unk", `"pre_tokenizer": {"type": "Whitespace"}, "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "vocab": {"<unk>": 0, "a": 1}, "merges": []}`, "axya"},
	} {
		t, err := pretrained.FromReader(strings.NewReader("{" + c.config + "}"))
		if err != nil {
			panic(err)
		}
		e, err := t.EncodeSingle(c.text)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s -> %s\n", c.setting, c.text, strings.Join(e.Tokens, " "))
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/sugarme/tokenizer@v0.3.0 github.com/sugarme/tokenizer/pretrained@v0.3.0 2>/dev/null
got=$(go run .)
want='continuing_subword_prefix: playing -> <unk>
Replace: aa b -> aa b
direction: a b c d -> a b
fuse_unk: axya -> a <unk> <unk> a'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nit is play @@ing, b b, c d and a <unk> a\n' "$want"
	exit 1
}
echo 'as found: it is play @@ing, b b, c d and a <unk> a'
