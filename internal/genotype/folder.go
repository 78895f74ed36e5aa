package genotype

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/tensorfile"
)

// The files of a genotype folder.
const (
	configFile  = "genotype.json"
	tensorsFile = "genotype.safetensors"
	maxConfig   = 64 << 10
)

// Load reads a genotype folder. One that breaks the contract is a *badfile.Error
// that names the file and the key or tensor.
func Load(dir string) (*Genotype, error) {
	path := filepath.Join(dir, configFile)
	b, err := regular.Read(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(dir, err)
	}
	if err != nil {
		return nil, err
	}
	c, err := parse(path, b)
	if err != nil {
		return nil, err
	}
	path = filepath.Join(dir, tensorsFile)
	limit := 8 + tensorfile.MaxHeader + 4*int64(c.ParamCount())
	if info, err := os.Stat(path); err == nil && info.Size() > limit {
		return nil, badfile.New(path, "", "has %d bytes; want some %d for the %d numbers of %s", info.Size(), 4*c.ParamCount(), c.ParamCount(), configFile)
	}
	read, err := tensorfile.Read(path)
	if err != nil {
		return nil, err
	}
	g := &Genotype{Config: c}
	for _, spec := range c.Tensors() {
		t, ok := read[spec.Name]
		if !ok {
			return nil, badfile.New(path, spec.Name, "is missing; %s wants it with shape %v", configFile, spec.Shape)
		}
		if !slices.Equal(t.Shape, spec.Shape) {
			return nil, badfile.New(path, spec.Name, "has shape %v; %s wants %v", t.Shape, configFile, spec.Shape)
		}
		if i := kernel.IndexNonFinite(t.Data); i >= 0 {
			return nil, badfile.New(path, spec.Name, "is %v at element %d; want finite numbers", t.Data[i], i)
		}
		g.Tensors = append(g.Tensors, t.Data)
		delete(read, spec.Name)
	}
	for name := range read {
		return nil, badfile.New(path, name, "is not a tensor of the model in %s; want it left out", configFile)
	}
	return g, nil
}

// parse reads genotype.json.
func parse(path string, b []byte) (c Config, err error) {
	if err := strictjson.Decode(path, b, &c); err != nil {
		return c, err
	}
	return c, c.validate(path)
}

// missing says of a folder without a configuration where there is one: in the folder
// of a run, or of one of its trainings.
func missing(dir string, err error) error {
	want := fmt.Sprintf("want the folder of %s and %s that go run ./eval evolve writes, such as runs/NAME/decomposed-seed1/genotype", configFile, tensorsFile)
	var found []string
	for _, within := range []string{"genotype/", "*/genotype/"} {
		paths, _ := fs.Glob(os.DirFS(dir), within+configFile) // the pattern is well-formed
		for _, path := range paths {
			found = append(found, filepath.Join(dir, filepath.Dir(path)))
		}
	}
	if len(found) > 0 {
		want = "want one in it: " + strings.Join(found[:min(len(found), 4)], ", ")
	}
	return fmt.Errorf("%s is not a genotype folder: %w; %s", dir, err, want)
}

// Save writes the genotype as a folder, whole or not at all. One that is there
// already is replaced; anything else in its place is left alone and is an error.
func (g *Genotype) Save(dir string) error {
	if err := g.Config.Validate(); err != nil {
		return err
	}
	tensors := map[string]tensorfile.Tensor{}
	for i, spec := range g.Config.Tensors() {
		if at := kernel.IndexNonFinite(g.Tensors[i]); at >= 0 {
			return fmt.Errorf("save %s: tensor %s: is %v at element %d; want finite numbers", dir, spec.Name, g.Tensors[i][at], at)
		}
		tensors[spec.Name] = tensorfile.Tensor{Shape: spec.Shape, Data: g.Tensors[i]}
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name() != configFile && e.Name() != tensorsFile {
			return fmt.Errorf("%s holds %s, which is no part of a genotype folder; name another folder, or move it away", dir, e.Name())
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	config, err := json.MarshalIndent(g.Config, "", " ")
	if err != nil {
		return err
	}
	return atomicdir.Write(atomicdir.OS, dir, []atomicdir.Content{
		atomicdir.Bytes(configFile, append(config, '\n')),
		{Name: tensorsFile, Write: func(w io.Writer) error {
			return tensorfile.Write(w, tensors, map[string]string{"format": Format})
		}},
	})
}
