package registry

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestSetsAreWellFormed(t *testing.T) {
	sha := regexp.MustCompile(`^[0-9a-f]{64}$`)
	md5 := regexp.MustCompile(`^[0-9a-f]{32}$`)
	check := func(set string, f File) {
		if f.Name == "" || filepath.Base(f.Name) != f.Name {
			t.Errorf("%s: file name %q", set, f.Name)
		}
		if !sha.MatchString(f.SHA256) && !md5.MatchString(f.MD5) {
			t.Errorf("%s/%s has no checksum", set, f.Name)
		}
		if f.Size < 0 {
			t.Errorf("%s/%s has size %d", set, f.Name, f.Size)
		}
	}
	names := make(map[string]bool)
	for _, set := range Sets() {
		if names[set.Name] || set.About == "" || len(set.Sources) == 0 {
			t.Errorf("set %q is there twice or has nothing in it", set.Name)
		}
		names[set.Name] = true
		for _, s := range set.Sources {
			check(set.Name, s.File)
			for _, alt := range s.Instead {
				check(set.Name, alt.File)
			}
			for _, m := range s.Members {
				check(set.Name, m)
			}
			if (s.Unpack == "") != (len(s.Members) == 0) {
				t.Errorf("%s/%s unpacks %q with %d members", set.Name, s.Name, s.Unpack, len(s.Members))
			}
			if u, err := url.Parse(s.URL); err != nil || s.URL != "" && u.Scheme != "https" {
				t.Errorf("%s/%s: address %q, %v", set.Name, s.Name, s.URL, err)
			}
		}
	}
	for _, name := range []string{"ptb", "wikitext-2", "omniglot", "omniglot-small", "cifar-10"} {
		if _, ok := Find(name); !ok {
			t.Errorf("no set %s", name)
		}
	}
}

var abc = File{Name: "abc", Size: 3, SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}

func TestVerifier(t *testing.T) {
	byMD5 := File{Name: "abc", MD5: "900150983cd24fb0d6963f7d28e17f72"}
	unsized := File{Name: "abc", SHA256: abc.SHA256}
	for _, c := range []struct {
		file    File
		content string
		wrong   string // the algorithm of the error
	}{
		{abc, "abc", ""}, {byMD5, "abc", ""}, {unsized, "abc", ""},
		{abc, "abd", "SHA-256"}, {byMD5, "abd", "MD5"}, {abc, "abcd", "size"}, {abc, "", "size"}, {unsized, "", "SHA-256"},
	} {
		v := c.file.NewVerifier("x")
		v.Write([]byte(c.content))
		err := v.Check()
		var sum *ChecksumError
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%q: %v", c.content, err)
		case c.wrong != "" && (!errors.As(err, &sum) || sum.Algorithm != c.wrong):
			t.Errorf("%q: error %v, want one of the %s", c.content, err, c.wrong)
		}
	}
}

func TestVerifySet(t *testing.T) {
	other := File{Name: "other", SHA256: "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34"} // "def"
	set := Set{Name: "s", Sources: []Source{{File: abc, Instead: []Alternative{{File: other}}}}}
	dir := filepath.Join(t.TempDir(), "s")
	if err := set.Verify(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := set.Verify(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for content, ok := range map[string]bool{"abc": true, "def": true, "abd": false, "": false} {
		if err := os.WriteFile(filepath.Join(dir, "abc"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := set.Verify(dir); (err == nil) != ok {
			t.Errorf("%q: %v", content, err)
		}
	}
}
