package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type first struct {
	Models  List    `yaml:"models" help:"what learns" resume:"may change"`
	Rate    float64 `yaml:"rate" help:"how fast"`
	Threads int     `yaml:"threads" help:"cores" resume:"may change"`
}

type second struct {
	Name  string `yaml:"own_name" help:"a text"`
	Quick bool   `yaml:"quick" help:"a switch"`
}

// An embedded struct's fields stand in its place.
func TestEmbeddedStruct(t *testing.T) {
	var s struct {
		Name string `yaml:"own_name" help:"a text"`
		first
		Last int `yaml:"last" help:"a number"`
	}
	keys, err := Of(&s).Apply("f", []byte("own_name: x\nmodels: [u]\nrate: 2\nthreads: 3\nlast: 4"))
	if err != nil || len(Of(&s)) != len(keys) || s.Rate != 2 || s.Threads != 3 || s.Last != 4 {
		t.Error(keys, err, s)
	}
	if strings.Join(keys, ",") != "own_name,models,rate,threads,last" || Of(&s)[2].Key != "rate" || !Of(&s)[3].Free() {
		t.Error(Of(&s))
	}
}

// Several structs are one configuration, and what is written is read back.
func TestSeveralStructs(t *testing.T) {
	a, b := first{List{"u", "v"}, 0.5, 2}, second{"two: words", true}
	text := Of(&a, &b).YAML()
	var c first
	var d second
	keys, err := Of(&c, &d).Apply("f", text)
	if err != nil || strings.Join(keys, ",") != "models,rate,threads,own_name,quick" {
		t.Fatal(keys, err)
	}
	if c.Models.String() != "u,v" || c.Rate != a.Rate || c.Threads != 2 || d != b {
		t.Errorf("%v %v came back as %v %v from\n%s", a, b, c, d, text)
	}
	if !strings.Contains(string(text), "models: [u, v] # what learns\n") {
		t.Errorf("%s", text)
	}
	if _, err := Of(&c, &d).Apply("f.yaml", []byte("rate: 1\nname: x\n")); err == nil || !strings.Contains(err.Error(), `f.yaml: line 2: no key "name": want one of models, rate, threads, own_name, quick`) {
		t.Error(err)
	}
	if _, err := Of(&c, &d).Set("own-name=z"); err != nil || d.Name != "z" {
		t.Error(d, err)
	}
}

// Any text comes back as it was written, whatever YAML may think of it.
func TestTextIsWrittenSafely(t *testing.T) {
	parts := []string{"", "a", " ", "\t", "\n", "\r", "#", ":", "-", "'", "\"", "\\", "!", "&", "*", "[", "]", "{", ",", "|", "%", "~", "null", "4", "true",
		"\x00", "\x1b", "\u0085", "\u00a0", "\u2028", "\ufeff", "\U0001f600"}
	check := func(text string) {
		was, is := second{Name: text}, second{}
		written := Of(&was).YAML()
		if _, err := Of(&is).Apply("f", written); err != nil || is != was {
			t.Errorf("%q came back as %q, %v, from\n%s", text, is.Name, err, written)
		}
	}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				check(a + b + c)
				check(a + "\n" + b + c)
			}
		}
	}
}

func TestChangesButForWhatMayChange(t *testing.T) {
	a, b := first{List{"x"}, 0.5, 2}, first{List{"y"}, 0.5, 3}
	for _, c := range Of(&a).Changes(Of(&b)) {
		t.Errorf("%s counts", c.Is.Key)
	}
	b.Rate = 1
	changes := Of(&a).Changes(Of(&b))
	if len(changes) != 1 || changes[0].Is.Key != "rate" || changes[0].Is.String() != "0.5" || changes[0].Was.String() != "1" {
		t.Error(changes)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	for size, ok := range map[int]bool{0: true, MaxFile: true, MaxFile + 1: false} {
		if err := os.WriteFile(path, make([]byte, size), 0o666); err != nil {
			t.Fatal(err)
		}
		if text, err := ReadFile(path); (err == nil) != ok || ok && len(text) != size {
			t.Errorf("%d bytes: %d, %v", size, len(text), err)
		}
	}
}

// offering knows the values of one of its keys.
type offering struct {
	Rule string `yaml:"rule" help:"how it goes: {offered}"`
	Name string `yaml:"name" help:"a text"`
}

func (*offering) Offered(key string) []string {
	return map[string][]string{"rule": {"straight", "round", "not"}}[key]
}

func TestOffered(t *testing.T) {
	fields := Of(&offering{})
	if got := fields[0].Help + "; " + fields[1].Help; got != "how it goes: straight, round or not; a text" {
		t.Error(got)
	}
	if got := Or([]string{"one"}) + Or(nil); got != "one" {
		t.Error(got)
	}
}

func TestSeeds(t *testing.T) {
	for seeds, want := range map[string]string{
		"3": "[1 2 3]", "1": "[1]", " 2 ": "[1 2]", "1,": "[1]", "7,": "[7]", "2,7": "[2 7]", "7, 2,": "[7 2]", "0,": "[0]",
		"": "", "0": "", "-1": "", ",": "", "a": "", "1,a": "", "2,2": "", "1.5": "", "99999999": "", "-1,": "",
	} {
		got, err := Seeds(seeds)
		if want == "" && err == nil || want != "" && fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %q", seeds, got, err, want)
		}
	}
	// What is too much is not called no number.
	if _, err := Seeds("65536"); err == nil || !strings.Contains(err.Error(), "at most 65535") {
		t.Error(err)
	}
}

func TestEvery(t *testing.T) {
	for every, want := range map[string]string{"0": "0 0s", "50": "50 0s", "2m": "0 2m0s", "1h30m": "0 1h30m0s"} {
		steps, d, err := Every(every)
		if got := fmt.Sprint(steps, d); err != nil || got != want {
			t.Errorf("%q: %s, %v", every, got, err)
		}
	}
}

// Check names what is out of its range or none of what is offered; Fill sets what is not
// set.
func TestCheckAndFill(t *testing.T) {
	for setting, want := range map[string]string{
		"":                 "",
		"share=1":          "",
		"share=-1":         "share -1: want 0 to 1",
		"share=2":          "share 2: want 0 to 1",
		"count=0":          "count 0: want at least 1",
		"count=2000000000": "count 2000000000: want 1 to 1e9",
		"rate=1e-9":        "",
		"rate=0":           "rate 0: want a number above 0",
		"rate=-1":          "rate -1: want a number above 0",
		"rate=2":           "rate 2: want 1e-40 to 1",
		"kind=odd":         "",
		"kind=new":         `kind "new": want one of plain, odd`,
		"free=-9":          "",
		"save=500":         "",
		"save=":            `save "": want a number (50) or a time (2m), or 0 for the end only`,
		"save=-1":          `save "-1": want a number (50) or a time (2m), or 0 for the end only`,
		"bound=1h":         "",
		"bound=500":        `bound "500": want a time such as 90s or 20m, or 0 for no bound`,
		"bound=-3s":        `bound "-3s": want a time such as 90s or 20m, or 0 for no bound`,
	} {
		s := bounded{}
		Of(&s).Fill()
		if s.Share != 0 || s.Count != 3 || s.Kind != "plain" {
			t.Fatalf("filled as %+v", s)
		}
		if setting != "" {
			if _, err := Of(&s).Set(setting); err != nil {
				t.Fatal(err)
			}
		}
		if err := Of(&s).Check(); fmt.Sprint(err) != want && (err != nil || want != "") {
			t.Errorf("%s: %v, want %s", setting, err, want)
		}
	}
	if help := Of(&bounded{})[3].Help; help != "one of plain or odd (not plain)" {
		t.Error(help)
	}
}

type bounded struct {
	Share float64 `yaml:"share" help:"of all" range:"0..1"`
	Count int     `yaml:"count" help:"how many" range:"1.." default:"3"`
	Rate  float64 `yaml:"rate" help:"how fast" range:"1e-40..1" default:"1"`
	Kind  string  `yaml:"kind" help:"one of {offered}" default:"plain"`
	Free  int     `yaml:"free" help:"any number"`
	Save  string  `yaml:"save" help:"how often" every:"the end only" default:"1m"`
	Bound string  `yaml:"bound" help:"how long" time:"no bound" default:"0"`
}

func (b *bounded) Offered(key string) []string {
	return map[string][]string{"kind": {"plain", "odd (not plain)"}}[key]
}
