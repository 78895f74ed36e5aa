// Package genotype is what is evolved of an agent: which network, how large, and
// the numbers of its rule or, where the weights themselves are evolved (rnn,
// lstm), its weights. It is kept as a folder, and it makes lives.
//
// A genotype folder holds genotype.json and genotype.safetensors (float32):
//
//	{"format": "engram-genotype/1", "model": "decomposed"|"full"|"retroactive"|"rnn"|"lstm",
//	 "hidden": H, "inputs": I, "outputs": O,
//	 "modulation": "none"|"before"|"after", "birth": "zero"|"normal"}
//
// The tensors of a plastic network are those of plasticlstm/evolved; those of rnn
// and lstm are readout.weight [O, H], readout.bias [O], weight_ih [G H, I],
// weight_hh [G H, H] and bias [G H], G being 1 for rnn and 4 for lstm, whose gate
// blocks are i, f, g, o. rnn and lstm have neither modulation nor plastic weights:
// they say "none" and "zero", or leave both out.
package genotype

import (
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/badfile"
	"github.com/engram-lm/engram/lstm"
	"github.com/engram-lm/engram/plasticlstm/evolved"
)

// Format is the version of the folder that this package reads and writes.
const Format = "engram-genotype/1"

// Models are the networks that there are.
var Models = []string{"decomposed", "full", "retroactive", "rnn", "lstm"}

// Config is genotype.json.
type Config struct {
	Format     string `json:"format"`
	Model      string `json:"model"`
	Hidden     int    `json:"hidden"`
	Inputs     int    `json:"inputs"`
	Outputs    int    `json:"outputs"`
	Modulation string `json:"modulation,omitempty"`
	Birth      string `json:"birth,omitempty"`
}

// maxSize bounds each size, so that the largest genotype has some 70 million
// numbers.
const maxSize = 4096

// Plastic reports whether the weights change within a life.
func (c Config) Plastic() bool { return c.Model != "rnn" && c.Model != "lstm" }

// Validate reports the first field whose value cannot be.
func (c Config) Validate() error { return c.validate("genotype") }

func (c Config) validate(path string) error {
	modulations, births := []string{"none", "before", "after"}, []string{"zero", "normal"}
	if !c.Plastic() {
		modulations, births = []string{"none", ""}, []string{"zero", ""}
	}
	for _, f := range []struct {
		name, value string
		accepted    []string
	}{
		{"format", c.Format, []string{Format}}, {"model", c.Model, Models},
		{"modulation", c.Modulation, modulations}, {"birth", c.Birth, births},
	} {
		if !slices.Contains(f.accepted, f.value) {
			want := slices.DeleteFunc(slices.Clone(f.accepted), func(s string) bool { return s == "" })
			if f.value == "" { // a key that networks without plasticity may leave out
				return badfile.New(path, f.name, "is missing or empty; want %s", strings.Join(want, " or "))
			}
			return badfile.New(path, f.name, "is %q; want %s", f.value, strings.Join(want, " or "))
		}
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"hidden", c.Hidden}, {"inputs", c.Inputs}, {"outputs", c.Outputs}} {
		if f.value < 1 || f.value > maxSize {
			return badfile.New(path, f.name, "is %d; want 1 to %d", f.value, maxSize)
		}
	}
	return nil
}

// net returns the plastic network.
func (c Config) net() (*evolved.Net, error) {
	return evolved.New(c.Inputs, c.Hidden, c.Outputs, evolved.Options{
		Rule: evolved.Rule(c.Model), Modulation: evolved.Modulation(c.Modulation), Birth: evolved.Birth(c.Birth),
	})
}

// gates is G.
func (c Config) gates() int {
	if c.Model == "lstm" {
		return 4
	}
	return 1
}

// Tensors lists the tensors in the order in which other functions take them. The
// configuration must be valid.
func (c Config) Tensors() []lstm.Param {
	if c.Plastic() {
		net, err := c.net()
		if err != nil {
			panic(err) // validate has let it pass
		}
		return net.Params()
	}
	rows := c.gates() * c.Hidden
	return []lstm.Param{
		{Name: "readout.weight", Shape: []int{c.Outputs, c.Hidden}}, {Name: "readout.bias", Shape: []int{c.Outputs}},
		{Name: "weight_ih", Shape: []int{rows, c.Inputs}}, {Name: "weight_hh", Shape: []int{rows, c.Hidden}}, {Name: "bias", Shape: []int{rows}},
	}
}

// Segments are the sizes of the tensors.
func (c Config) Segments() (sizes []int) {
	for _, t := range c.Tensors() {
		sizes = append(sizes, t.Size())
	}
	return sizes
}

// ParamCount is the number of evolved numbers.
func (c Config) ParamCount() int {
	sum := 0
	for _, n := range c.Segments() {
		sum += n
	}
	return sum
}

// Split cuts a vector of all evolved numbers into the tensors.
func (c Config) Split(all []float32) (tensors [][]float32) {
	for _, n := range c.Segments() {
		tensors = append(tensors, all[:n:n])
		all = all[n:]
	}
	return tensors
}

// Genotype is a genotype in memory; Tensors are as Config.Tensors lists them.
type Genotype struct {
	Config  Config
	Tensors [][]float32
}
