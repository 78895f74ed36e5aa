package registry

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	sets := t.TempDir()
	folder := filepath.Join(sets, "cifar-10-sample")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(sets, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir string
		wrong     string // part of the error; empty: none
	}{
		{"", folder, ""},
		{"cifar-10-sample", folder, ""},
		{folder, folder, ""},
		{sets, sets, ""},
		{"cifar-10", "", "is not there; fetch it with scripts/download cifar-10"},
		{"ptb", "", "that set is Penn Treebank"},
		{"nosuch", "", `no data set "nosuch": want cifar-10, cifar-10-sample, or a folder`},
		{file, "", "that is a file; want its folder"},
	} {
		dir, err := Locate(c.name, sets, "cifar-10", "cifar-10-sample")
		var none *NotFoundError
		switch {
		case c.wrong == "" && (err != nil || dir != c.dir):
			t.Errorf("%q: %q, %v; want %q", c.name, dir, err, c.dir)
		case c.wrong != "" && (!errors.As(err, &none) || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q: error %v, want one with %q", c.name, err, c.wrong)
		}
	}
	if _, err := Locate("", t.TempDir(), "cifar-10", "cifar-10-sample"); err == nil || !strings.Contains(err.Error(), "holds none of cifar-10, cifar-10-sample; fetch one") {
		t.Errorf("an empty folder of sets: error %v", err)
	}
	if err := os.Mkdir(filepath.Join(sets, "cifar-10"), 0o777); err != nil {
		t.Fatal(err)
	}
	if dir, err := Locate("", sets, "cifar-10", "cifar-10-sample"); err != nil || filepath.Base(dir) != "cifar-10" {
		t.Errorf("%q, %v; want cifar-10, which is named first", dir, err)
	}
}
