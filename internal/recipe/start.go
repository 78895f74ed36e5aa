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

// uniform is a uniform distribution.
type uniform struct{ lo, hi float64 }

// largestStart bounds what a plastic parameter may start from.
const largestStart = 100

// parseStart reads LO..HI or a number, which stands for itself alone.
func parseStart(text string) (u uniform, err error) {
	lo, hi, isRange := strings.Cut(text, "..")
	if !isRange {
		hi = lo
	}
	var errLo, errHi error
	u.lo, errLo = strconv.ParseFloat(lo, 64)
	u.hi, errHi = strconv.ParseFloat(hi, 64)
	if errLo != nil || errHi != nil || !(-largestStart <= u.lo && u.lo <= u.hi && u.hi <= largestStart) {
		return u, fmt.Errorf("want a number or LO..HI such as -0.05..0.05, within +-%d", largestStart)
	}
	return u, nil
}

// own lists the starts that the recipe sets by themselves, over the named one,
// with the parameters that each is of.
func (r *Recipe) own() []ownStart {
	return []ownStart{
		{"alpha_start", r.AlphaStart, []string{"alpha"}},
		{"eta_start", r.EtaStart, []string{"eta", "trace_rate"}},
		{"fanout_start", r.FanoutStart, []string{"fanout.weight"}},
		{"fanout_bias_start", r.FanoutBiasStart, []string{"fanout.bias"}},
		{"modulator_start", r.ModulatorStart, []string{"modulator.weight", "modulator.bias"}},
	}
}

type ownStart struct {
	key, text string
	params    []string
}

// validateStarts reports the first start that a model of a kind cannot have.
func (r *Recipe) validateStarts(kind string) error {
	for _, s := range r.own() {
		if s.text == "" {
			continue
		}
		u, err := parseStart(s.text)
		if err == nil && s.key == "eta_start" && kind == modeldir.Retroactive && (u.lo < 0 || u.hi > 1) {
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
		if r.Start == Published {
			switch strings.TrimSuffix(p.Name, ".post") {
			case "alpha":
				p.Lo, p.Hi = 0, 1e-4
			case "fanout.weight", "fanout.bias":
				p.Lo, p.Hi = -1, 1
			case "modulator.bias": // as the weights, which come before it
				p.Lo, p.Hi = params[i-1].Lo, params[i-1].Hi
			}
		}
		for _, s := range r.own() {
			if s.text != "" && startOf(s, p.Name) {
				u, err := parseStart(s.text)
				if err != nil {
					panic("recipe: not valid: " + err.Error())
				}
				p.Lo, p.Hi = u.lo, u.hi
			}
		}
		if r.HoldAlpha && modeldir.RoleOf(p.Name) == modeldir.Coefficients {
			p.Lo, p.Hi = 0, 0
		}
	}
}

// startOf reports whether a start is that of a parameter, or of the first of the
// factors that it is made of: "alpha", "alpha.post". The other one starts at 1.
func startOf(s ownStart, name string) bool {
	return slices.Contains(s.params, strings.TrimSuffix(name, ".post"))
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
