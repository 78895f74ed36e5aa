package recipe

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/lstm"
)

// The named starts of plastic parameters.
const (
	Small     = "small"     // the layers' own: traces and coefficients near nothing
	Published = "published" // Backpropamine's released code
)

// largestStart bounds what a plastic parameter may start from.
const largestStart = 100

// parseStart reads LO..HI or a number, which stands for itself alone.
func parseStart(text string) (lo, hi float64, err error) {
	first, last, isRange := strings.Cut(text, "..")
	if !isRange {
		last = first
	}
	lo, errLo := strconv.ParseFloat(first, 64)
	hi, errHi := strconv.ParseFloat(last, 64)
	if errLo != nil || errHi != nil || !(-largestStart <= lo && lo <= hi && hi <= largestStart) {
		return 0, 0, fmt.Errorf("want a number or LO..HI such as -0.05..0.05, within +-%d", largestStart)
	}
	return lo, hi, nil
}

// own lists the starts that the recipe sets by themselves, over the named one,
// with the parameters that each is of.
func (r *Recipe) own() []ownStart {
	all := []ownStart{
		{"alpha_start", r.AlphaStart, []string{"alpha"}},
		{"eta_start", r.EtaStart, []string{"eta", "trace_rate"}},
		{"fanout_start", r.FanoutStart, []string{"fanout.weight"}},
		{"fanout_bias_start", r.FanoutBiasStart, []string{"fanout.bias"}},
		{"modulator_start", r.ModulatorStart, []string{"modulator.weight", "modulator.bias"}},
	}
	return slices.DeleteFunc(all, func(s ownStart) bool { return s.text == "" })
}

type ownStart struct {
	key, text string
	params    []string
}

// validateStarts reports the first start that a model of a kind cannot have.
func (r *Recipe) validateStarts(kind string) error {
	for _, s := range r.own() {
		lo, hi, err := parseStart(s.text)
		if err == nil && s.key == "eta_start" && kind == modeldir.Retroactive && (lo < 0 || hi > 1) {
			err = fmt.Errorf("it is where the trace rate of model retroactive starts: want 0 to 1")
		}
		if err != nil {
			return fmt.Errorf("%s %q: %w", s.key, s.text, err)
		}
	}
	return nil
}

// StartLayer sets from which ranges the plastic parameters of a layer are drawn;
// those of its gates stay. The recipe must be valid.
func (r *Recipe) StartLayer(params []lstm.Param) {
	for i := range params {
		p := &params[i]
		// Of the factors that a parameter may be made of, "alpha.post" and "alpha.pre", the
		// start is that of the first; the other one starts at 1.
		name := strings.TrimSuffix(p.Name, ".post")
		if r.Start == Published {
			switch name {
			case "alpha":
				p.Lo, p.Hi = 0, 1e-4
			case "fanout.weight", "fanout.bias":
				p.Lo, p.Hi = -1, 1
			case "modulator.bias": // as the weights, which come before it
				p.Lo, p.Hi = params[i-1].Lo, params[i-1].Hi
			}
		}
		for _, s := range r.own() {
			if slices.Contains(s.params, name) {
				var err error
				if p.Lo, p.Hi, err = parseStart(s.text); err != nil {
					panic("recipe: not valid: " + err.Error())
				}
			}
		}
		if r.HoldAlpha && modeldir.RoleOf(p.Name) == modeldir.Coefficients {
			p.Lo, p.Hi = 0, 0
		}
	}
}

// RateFactor is what the learning rate of parameters of a role is multiplied by
// in an epoch, counted from 1.
func (r *Recipe) RateFactor(role modeldir.Role, epoch int) float64 {
	switch {
	case role == modeldir.Weights:
		return 1
	case r.HoldAlpha && role == modeldir.Coefficients, epoch < r.Thaw:
		return 0
	}
	return map[modeldir.Role]float64{
		modeldir.Coefficients: r.AlphaLR, modeldir.Rates: r.RateLR, modeldir.Modulator: r.ModulatorLR,
	}[role]
}
