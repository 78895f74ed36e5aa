package tokenizer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/badfile"
)

// document is a sound tokenizer.json with its vocabulary to be filled in.
const document = `{"version":"1.0","truncation":null,"padding":null,"added_tokens":[%s],"normalizer":null,
"pre_tokenizer":{"type":"WhitespaceSplit"},"post_processor":null,"decoder":null,
"model":{"type":"WordLevel","vocab":{%s},"unk_token":"<unk>"}}`

func TestParseAnyLayoutIsTheSameTokenizer(t *testing.T) {
	one, err := Parse(fmt.Appendf(nil, document, "", `"b":1,"<eos>":0,"\u00e9":2`))
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := one.JSON()
	if err != nil {
		t.Fatal(err)
	}
	two, err := Parse(canonical)
	if err != nil {
		t.Fatal(err)
	}
	three, err := Parse([]byte(`{"model":{"unk_token":"<unk>","vocab":{"é":2,"b":1,"<eos>":0},"type":"WordLevel"},"pre_tokenizer":{"type":"WhitespaceSplit"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if one.Hash() != two.Hash() || one.Hash() != three.Hash() {
		t.Errorf("hashes %s, %s, %s", one.Hash(), two.Hash(), three.Hash())
	}
	if s, _ := one.Decode([]int32{0, 1, 2}); s != "<eos> b é" {
		t.Errorf("words %q", s)
	}
}

func TestParseTrainersAddedTokens(t *testing.T) {
	added := `{"id":0,"content":"<unk>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}`
	tok, err := Parse(fmt.Appendf(nil, document, added, `"<unk>":0,"a":1`))
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := tok.Unknown(); id != 0 || !ok {
		t.Errorf("unknown word %d, %v", id, ok)
	}
}

func TestParseOtherUnknownWord(t *testing.T) {
	tok, err := Parse([]byte(strings.ReplaceAll(fmt.Sprintf(document, "", `"[UNK]":0,"<eos>":1`), `"<unk>"`, `"[UNK]"`)))
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := tok.Unknown(); id != 0 || !ok {
		t.Errorf("unknown word %d, %v", id, ok)
	}
}

// with is a sound tokenizer.json with texts replaced: from, to, from, to.
func with(fromTo ...string) string {
	return strings.NewReplacer(fromTo...).Replace(fmt.Sprintf(document, "", `"a":0`))
}

// A Sequence of the one WhitespaceSplit cuts as that does.
func TestParseSequenceOfOne(t *testing.T) {
	one, err := Parse([]byte(with()))
	if err != nil {
		t.Fatal(err)
	}
	same, err := Parse([]byte(with(`{"type":"WhitespaceSplit"}`, `{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"}]}`)))
	if err != nil || same.Hash() != one.Hash() {
		t.Errorf("%v", err)
	}
}

// malformed are files each of which the library panics on or takes silently.
var malformed = []struct{ text, want string }{
	{``, "ends in the middle"},
	{`null`, "is null"},
	{`{}`, "pre_tokenizer: is missing"},
	{`[]`, "want an object"},
	{`{"version":"1.0"`, "ends in the middle"},
	{fmt.Sprintf(document, "", `"a":0`) + "x", "more text"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"WordLevel"`, `"BPE"`, 1), `model.type: is "BPE"; want "WordLevel"`},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"WordLevel"`, `3`, 1), "model.type"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"WhitespaceSplit"`, `"Whitespace"`, 1), `pre_tokenizer.type: is "Whitespace"; want "WhitespaceSplit"`},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `{"type":"WhitespaceSplit"}`, `null`, 1), "pre_tokenizer: is null"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"normalizer":null`, `"normalizer":{"type":"Lowercase"}`, 1), "normalizer: is not supported; want null"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"decoder":null`, `"decoder":7`, 1), "decoder: is not supported"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"1.0"`, `"2.0"`, 1), `version: is "2.0"`},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"padding"`, `"Padding"`, 1), "Padding: unknown key"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `,"unk_token":"<unk>"`, ``, 1), "model.unk_token: is missing"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"unk_token":"<unk>"`, `"unk_token":null`, 1), "model.unk_token: is null"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"unk_token":"<unk>"`, `"unk_token":""`, 1), "model.unk_token"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"vocab":{"a":0}`, `"vocab":null`, 1), "model.vocab: is null"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"vocab":{"a":0},`, ``, 1), "model.vocab: is missing"},
	{strings.Replace(fmt.Sprintf(document, "", `"a":0`), `"vocab":{"a":0}`, `"vocab":["a"]`, 1), "model.vocab"},
	{fmt.Sprintf(document, "", ``), "model.vocab: is empty"},
	{fmt.Sprintf(document, "", `"a":"0"`), "model.vocab"},
	{fmt.Sprintf(document, "", `"a":0.5`), "model.vocab"},
	{fmt.Sprintf(document, "", `"a":null`), "model.vocab.a: is null"},
	{fmt.Sprintf(document, "", `"a":-1`), `the word "a" has id -1; want 0 to 0, one id for each word`},
	{fmt.Sprintf(document, "", `"a":0,"b":2`), `has id 2`},
	{fmt.Sprintf(document, "", `"a":0,"b":0`), `the words "a" and "b" both have id 0`},
	{fmt.Sprintf(document, "", `"a":0,"a":1`), "appears twice"},
	{fmt.Sprintf(document, "", `"a":0,"\u0061":1`), "appears twice"},
	{fmt.Sprintf(document, "", `"a":99999999999999999999`), "model.vocab"},
	{fmt.Sprintf(document, "", `"":0`), "is empty"},
	{fmt.Sprintf(document, "", `"a b":0`), "white space in it"},
	{fmt.Sprintf(document, "", `"a\u00a0b":0`), "white space in it"},
	{fmt.Sprintf(document, "", `"a\u0000":0`), "no text"},
	{fmt.Sprintf(document, "", "\"a\xff\":0"), "not valid UTF-8"},
	{with(`"model":{`, `"model":{"dropout":null,"merges":[],`, `"WordLevel"`, `"BPE"`), `model.type: is "BPE"; want "WordLevel"`},
	{with(`"model":{`, `"model":{"continuing_subword_prefix":"##",`, `"WordLevel"`, `"WordPiece"`), `model.type: is "WordPiece"; want "WordLevel"`},
	{with(`"model":{"type":"WordLevel",`, `"model":{"unk_id":0,"type":"Unigram",`), `model.type: is "Unigram"; want "WordLevel"`},
	{with(`"WordLevel"`, `"BPE"`, `{"type":"WhitespaceSplit"}`, `{"type":"ByteLevel","use_regex":true}`), `model.type: is "BPE"; want "WordLevel" (and pre_tokenizer.type: is "ByteLevel"; want "WhitespaceSplit")`},
	{with(`{"type":"WhitespaceSplit"}`, `{"type":"Metaspace","replacement":"_"}`), `pre_tokenizer.type: is "Metaspace"; want "WhitespaceSplit"`},
	{with(`{"type":"WhitespaceSplit"}`, `{"type":"Split","pattern":{"String":" "},"invert":false}`), `pre_tokenizer.type: is "Split"; want "WhitespaceSplit"`},
	{with(`{"type":"WhitespaceSplit"}`, `{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Split","invert":false}]}`), `pre_tokenizer.type: is "Sequence" of ["WhitespaceSplit", "Split"]; want "WhitespaceSplit"`},
	{with(`{"type":"WhitespaceSplit"}`, `{"type":"Sequence","pretokenizers":[]}`), `pre_tokenizer.type: is "Sequence" of []; want`},
	{with(`{"type":"WhitespaceSplit"}`, `{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit","x":1}]}`), `unknown key`},
	{with(`{"type":"WhitespaceSplit"}`, `{"type":"WhitespaceSplit","pretokenizers":[{"type":"Split"}]}`), `pre_tokenizer.type`},
	{fmt.Sprintf(document, `{"id":1,"content":"a"}`, `"a":0`), "added_tokens"},
	{fmt.Sprintf(document, `{"id":1,"content":"[CLS]"}`, `"a":0`), "added_tokens"},
	{fmt.Sprintf(document, `7`, `"a":0`), "added_tokens"},
}

func TestParseRefusesTheMalformed(t *testing.T) {
	if _, err := Parse(fmt.Appendf(nil, document, "", `"a":0`)); err != nil {
		t.Fatalf("the sound document: %v", err)
	}
	for _, c := range malformed {
		_, err := Parse([]byte(c.text))
		var bad *badfile.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200s:\nerror %v, want one with %q", c.text, err, c.want)
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("error %v", err)
	}
}
