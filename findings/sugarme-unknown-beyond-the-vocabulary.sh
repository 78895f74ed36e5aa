#!/usr/bin/env bash
# github.com/sugarme/tokenizer v0.3.0.
#
# UnkToken of the word-level builder gives the unknown word a new number, though the
# vocabulary has one for it: the number of words, one more than the last. An embedding of as
# many rows as the vocabulary has words has no such row. The map that was handed over is
# changed as well. Way round: call UnkToken before Vocab, which keeps the vocabulary's
# number, or load a tokenizer.json.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/model/wordlevel"
	"github.com/sugarme/tokenizer/pretokenizer"
)

func main() {
	for _, unkFirst := range []bool{true, false} {
		vocab := map[string]int{"<unk>": 0, "a": 1, "b": 2}
		builder := wordlevel.NewWordLevelBuilder()
		if unkFirst {
			builder.UnkToken("<unk>")
			builder.Vocab(vocab)
		} else {
			builder.Vocab(vocab)
			builder.UnkToken("<unk>")
		}
		t := tokenizer.NewTokenizer(builder.Build())
		t.WithPreTokenizer(pretokenizer.NewWhitespaceSplit())
		e, err := t.EncodeSingle("a zebra b")
		if err != nil {
			panic(err)
		}
		fmt.Println("words:", t.GetVocabSize(false), "a zebra b:", e.Ids)
	}
}
GO
go mod init finding 2>/dev/null
go get github.com/sugarme/tokenizer@v0.3.0 github.com/sugarme/tokenizer/model/wordlevel@v0.3.0 github.com/sugarme/tokenizer/pretokenizer@v0.3.0 2>/dev/null
got=$(go run .)
want='words: 3 a zebra b: [1 0 2]
words: 3 a zebra b: [1 3 2]'
echo "$got"
[[ $got == "$want" ]] || {
	printf 'changed: it printed\n%s\nboth are [1 0 2]\n' "$want"
	exit 1
}
echo 'as found: both are [1 0 2]'
