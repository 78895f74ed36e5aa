package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/engram-lm/engram/internal/modeldir"
)

// wild returns the LSTM's folder with a decoder so sure of itself that no text
// has a finite perplexity.
func wild(t *testing.T) string {
	t.Helper()
	m, err := modeldir.Load(lstmCase + "/model")
	must(t, err)
	bias := m.Tensors["decoder.bias"]
	for i := range bias {
		bias[i] = float32(i) * 1e6
	}
	dir := t.TempDir() + "/wild"
	must(t, modeldir.Save(dir, m))
	return dir
}

// write runs generate and checks that it writes n words and ends of lines.
func write(t *testing.T, n string, args ...string) string {
	t.Helper()
	out := succeed(t, append([]string{"generate", "--tokens", n}, args...)...)
	again := succeed(t, append([]string{"generate", "--tokens", n}, args...)...)
	if out != again {
		t.Errorf("generate %v: the same command wrote another text", args)
	}
	return out
}

func TestGenerate(t *testing.T) {
	model := []string{"--model", plasticCase + "/model", "--prompt", "w3 w4"}
	with := func(args ...string) []string { return append(model, args...) }
	one := write(t, "200", with()...)
	if two := write(t, "200", with("--seed", "2")...); two == one {
		t.Error("another seed, the same text")
	}
	if short := strings.TrimRight(write(t, "50", with()...), "\n"); !strings.HasPrefix(one, short) {
		t.Error("50 tokens are not the beginning of 200")
	}
	if single := write(t, "200", with("--threads", "1")...); single != one {
		t.Error("one thread, another text")
	}
	greedy := write(t, "200", with("--temperature", "0")...)
	if greedy == one {
		t.Error("greedy equals sampled")
	}
	for _, args := range [][]string{{"--top-k", "1"}, {"--temperature", "0", "--seed", "9"}, {"--temperature", "1e-300"}, {"--temperature", "5e-324"}} {
		if text := write(t, "200", with(args...)...); text != greedy {
			t.Errorf("%v is not greedy", args)
		}
	}
	if hot := write(t, "200", with("--temperature", "1e300")...); hot == one || hot == greedy {
		t.Error("the temperature has no effect")
	}
}

// Every word is on stdout: with --json the same text, and its tokens counted.
func TestGenerateJSON(t *testing.T) {
	args := []string{"--model", lstmCase + "/model", "--prompt", "w3 <unk>\n", "--allow-unk"}
	plain := write(t, "120", args...)
	var got struct {
		Prompt, Text string
		Tokens       int
	}
	out := write(t, "120", append(args, "--json")...)
	must(t, json.Unmarshal([]byte(out), &got))
	if got.Prompt != "w3 <unk>\n" || got.Tokens != 120 || strings.TrimRight(got.Text, "\n") != strings.TrimRight(plain, "\n") {
		t.Errorf("%s; want the text %q", out, plain)
	}
	if n := len(strings.Fields(got.Text)) + strings.Count(got.Text, "\n"); n != 120 {
		t.Errorf("%d words and ends of lines, want 120", n)
	}
}

func TestGenerateUnknown(t *testing.T) {
	// The prompt's unknown word is read as <unk>, and not written.
	args := []string{"--model", plasticCase + "/model", "--prompt", "zebra"}
	if text := write(t, "500", args...); strings.Contains(text, "<unk>") {
		t.Error("<unk> was written")
	}
	if text := write(t, "500", append(args, "--allow-unk")...); !strings.Contains(text, "<unk>") {
		t.Error("<unk> was not written though allowed: the test above shows nothing")
	}
}

func TestGenerateFrozen(t *testing.T) {
	for _, model := range []string{
		"plastic-connection-connection-hidden-clip",
		"plastic-neuron-neuron-hidden-oja",
		"modulated-neuron-neuron-hidden-clip",
		"retroactive-connection-connection-previous_hidden-clip",
	} {
		args := []string{"--model", cases + "/" + model + "/model", "--prompt", "w3 w4 w5 w6"}
		if learning, frozen := write(t, "400", args...), write(t, "400", append(args, "--frozen")...); learning == frozen {
			t.Errorf("%s: frozen traces do not change the text", model)
		}
	}
}

func TestGenerateFromNothing(t *testing.T) {
	args := []string{"--model", lstmCase + "/model"}
	if write(t, "50", args...) != write(t, "50", append(args, "--prompt", "<eos>")...) {
		t.Error("no prompt is not the start of a line")
	}
	if text := write(t, "5", "--model", wild(t)); text != "w22 w22 w22 w22 w22\n" {
		t.Errorf("%q, want the word with by far the largest logit", text)
	}
}

// A flag that changes nothing is named, and the text is the one without it.
func TestGenerateNoEffect(t *testing.T) {
	base := []string{"generate", "--model", lstmCase + "/model", "--tokens", "5"}
	greedy := append(base[:len(base):len(base)], "--temperature", "0")
	for _, c := range []struct {
		base  []string
		flags []string
		want  string
	}{
		{base, []string{"--frozen"}, "--frozen has no effect"},
		{base, []string{"--top-k", "99999"}, "--top-k 99999 has no effect: the model has 22 words to choose from"},
		{base, []string{"--top-k", "22"}, "--top-k 22 has no effect"},
		{greedy, []string{"--top-k", "5"}, "--top-k has no effect"},
	} {
		want := succeed(t, c.base...)
		out, errs, status := eval(t, append(c.base[:len(c.base):len(c.base)], c.flags...)...)
		if status != 0 || out != want || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "eval: "+c.want) {
			t.Errorf("%v: status %d, %q for %q, %q", c.flags, status, out, want, errs)
		}
	}
	succeed(t, append(base, "--top-k", "21")...)
	succeed(t, "generate", "--model", modulatedCase+"/model", "--tokens", "5", "--frozen", "--allow-unk")
}
