package modeldir

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/engram-lm/engram/internal/atomicdir"
	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/internal/regular"
	"github.com/engram-lm/engram/internal/strictjson"
	"github.com/engram-lm/engram/internal/tensorfile"
)

// The files of a model folder.
const (
	ConfigFile    = "config.json"
	TensorsFile   = "model.safetensors"
	TokenizerFile = "tokenizer.json"
)

var files = []string{ConfigFile, TensorsFile, TokenizerFile}

const (
	maxConfig    = 64 << 10
	maxTokenizer = 12 << 20 // tokenizer.MaxFile
)

// Model is a model folder in memory. Tensors holds exactly the parameters that
// Config.Tensors lists, row-major.
type Model struct {
	Config        Config
	Tensors       map[string][]float32
	TokenizerJSON []byte
}

// Load reads the model folder dir. A folder that breaks the contract is a
// *badfile.Error that names the file and the key or tensor; a missing file is an
// fs.ErrNotExist. The tokenizer is checked to be a JSON value without duplicate
// keys; what it means is the tokenizer package's to check.
func Load(dir string) (*Model, error) {
	config, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	tokenizer, err := regular.Read(filepath.Join(dir, TokenizerFile), maxTokenizer)
	if err != nil {
		return nil, missing(dir, err)
	}
	if err := strictjson.Check(filepath.Join(dir, TokenizerFile), tokenizer); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, TensorsFile)
	// A file far too large for the configuration is not read to find that out.
	limit := 8 + tensorfile.MaxHeader + 4*int64(config.ParamCount())
	if info, err := os.Stat(path); err == nil && info.Size() > limit {
		return nil, badfile.New(path, "", "has %d bytes; want some %d for the %d parameters of %s",
			info.Size(), 4*config.ParamCount(), config.ParamCount(), ConfigFile)
	}
	read, err := tensorfile.Read(path)
	if err != nil {
		return nil, missing(dir, err)
	}
	tensors, err := fit(path, config, read)
	if err != nil {
		return nil, err
	}
	return &Model{config, tensors, tokenizer}, nil
}

// LoadConfig reads the config.json of the model folder dir.
func LoadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, ConfigFile)
	b, err := regular.Read(path, maxConfig)
	if err != nil {
		return Config{}, missing(dir, err)
	}
	return parseConfig(path, b)
}

// ReadTensors returns the tensors of any F32 safetensors file, whatever their names.
func ReadTensors(path string) (map[string][]float32, error) {
	read, err := tensorfile.Read(path)
	if err != nil {
		return nil, err
	}
	return values(read), nil
}

func values(tensors map[string]tensorfile.Tensor) map[string][]float32 {
	data := make(map[string][]float32, len(tensors))
	for name, t := range tensors {
		data[name] = t.Data
	}
	return data
}

// fit holds the tensors read against those that config asks for.
func fit(path string, config Config, read map[string]tensorfile.Tensor) (map[string][]float32, error) {
	specs := config.Tensors()
	wanted := make(map[string]bool, len(specs))
	for _, s := range specs {
		wanted[s.Name] = true
		t, ok := read[s.Name]
		if !ok {
			return nil, badfile.New(path, s.Name, "is missing; %s wants it with shape %v", ConfigFile, s.Shape)
		}
		if !slices.Equal(t.Shape, s.Shape) {
			return nil, badfile.New(path, s.Name, "has shape %v; %s wants %v", t.Shape, ConfigFile, s.Shape)
		}
		if i := nonFinite(t.Data); i >= 0 {
			return nil, badfile.New(path, s.Name, "is %v at element %d; want finite numbers", t.Data[i], i)
		}
	}
	for name := range read {
		if !wanted[name] {
			return nil, badfile.New(path, name, "is not a tensor of the model in %s; want it left out", ConfigFile)
		}
	}
	return values(read), nil
}

// Sum returns the SHA-256 of the tensors of the model folder dir.
func Sum(dir string) (string, error) {
	f, _, err := regular.Open(filepath.Join(dir, TensorsFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Verify holds the tensors of the model folder dir against what Sum was.
func Verify(dir, was string) error {
	is, err := Sum(dir)
	if err == nil && is != was {
		err = fmt.Errorf("%s has SHA-256 %.12s..., not the %.12s... that was written", filepath.Join(dir, TensorsFile), is, was)
	}
	return err
}

// Save writes m as the model folder dir and makes missing parents. The same
// model gives the same bytes. A model folder that is there already is replaced
// whole; anything else in its place is left alone and is an error.
func Save(dir string, m *Model) error { return saveTo(atomicdir.OS, dir, m) }

func saveTo(fsys atomicdir.FS, dir string, m *Model) error {
	if err := m.Config.Validate(); err != nil {
		return err
	}
	tensors, err := shaped(m)
	if err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	if err := replaceable(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	config, err := json.MarshalIndent(m.Config, "", " ")
	if err != nil {
		return err
	}
	err = atomicdir.Write(fsys, dir, []atomicdir.Content{
		atomicdir.Bytes(ConfigFile, append(config, '\n')),
		atomicdir.Bytes(TokenizerFile, m.TokenizerJSON),
		{Name: TensorsFile, Write: func(w io.Writer) error {
			return tensorfile.Write(w, tensors, map[string]string{"format": Format})
		}},
	})
	if err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	return nil
}

// shaped gives the tensors of m their shapes, and refuses what Load would refuse.
func shaped(m *Model) (map[string]tensorfile.Tensor, error) {
	specs := m.Config.Tensors()
	tensors := make(map[string]tensorfile.Tensor, len(specs))
	for _, s := range specs {
		data, ok := m.Tensors[s.Name]
		if !ok || len(data) != s.Size() {
			return nil, fmt.Errorf("tensor %s: has %d values; want %d for shape %v", s.Name, len(data), s.Size(), s.Shape)
		}
		if i := nonFinite(data); i >= 0 {
			return nil, fmt.Errorf("tensor %s: is %v at element %d; want finite numbers", s.Name, data[i], i)
		}
		tensors[s.Name] = tensorfile.Tensor{Shape: s.Shape, Data: data}
	}
	if len(m.Tensors) != len(specs) {
		return nil, fmt.Errorf("%d tensors; want the %d of model %s", len(m.Tensors), len(specs), m.Config.Model)
	}
	if err := strictjson.Check(TokenizerFile, m.TokenizerJSON); err != nil {
		return nil, err
	}
	return tensors, nil
}

// replaceable keeps Save from deleting a folder of somebody else's files.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(files, e.Name()) || !e.Type().IsRegular() {
			return fmt.Errorf("%s holds %s, which is no part of a model folder; name another folder, or move it away", dir, e.Name())
		}
	}
	return nil
}

func nonFinite(x []float32) int {
	return slices.IndexFunc(x, func(v float32) bool {
		return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
	})
}
