package recipe

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/nearest"
)

// Still is the name of the control arm: a modulated model whose plasticity
// coefficients are held at 0, of the same size and under the same optimiser.
const Still = "still"

// Arm is one model of a run, with the settings that are its own.
type Arm struct {
	Label  string // what folders, metrics and the report call it
	Kind   string
	Recipe Recipe // the run's, changed by the arm's settings
	Model  modeldir.Config
}

// armKeys are the settings that may differ between the arms of a run. All others
// say what the arms are compared on.
var armKeys = append([]string{
	"optimizer", "lr", "clip_norm", "clip_groups", "dropout", "weight_decay", "l2",
	"decay", "decay_start", "plateau", "average_from", "init_scale",
}, append(plasticKeys, readoutKeys...)...)

// plasticKeys are those of them that a standard LSTM has no use for, readoutKeys
// those that only a plastic readout has.
var plasticKeys = []string{
	"alpha", "rate", "modulator_input", "rule", "clip", "divide_alpha", "hold_alpha", "thaw", "start",
	"alpha_start", "eta_start", "fanout_start", "fanout_bias_start", "modulator_start",
	"alpha_lr", "rate_lr", "modulator_lr",
}

// OfPlasticity reports whether a setting is one that a standard LSTM has no use for.
func OfPlasticity(key string) bool { return slices.Contains(plasticKeys, key) }

var readoutKeys = []string{"readout_key", "readout_slots", "readout_alone"}

var labels = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// Arms returns the models of the run. Each is given as
//
//	[LABEL=]KIND[:KEY=VALUE]...
//
// and called by its kind where it has no label. The models' sizes are not in it:
// Match finds them.
func (r *Recipe) Arms() ([]Arm, error) {
	if len(r.Models) == 0 {
		return nil, fmt.Errorf("models: none: want at least one of %s", strings.Join(Kinds, ", "))
	}
	var arms []Arm
	for _, text := range r.Models {
		a, err := r.arm(text)
		if err != nil {
			return nil, err
		}
		for _, other := range arms {
			if other.Label == a.Label {
				return nil, fmt.Errorf("models: %s is given twice: want each once, or a label, as in slow=modulated:rule=decay", a.Label)
			}
		}
		arms = append(arms, a)
	}
	return arms, nil
}

func (r *Recipe) arm(text string) (Arm, error) {
	name, settings, some := strings.Cut(text, ":")
	label, kind, labelled := strings.Cut(name, "=")
	if !labelled {
		kind = label
	}
	a := Arm{Label: label, Kind: kind, Recipe: *r}
	if kind == Still {
		a.Kind, a.Recipe.HoldAlpha = modeldir.Modulated, true
	}
	switch {
	case !slices.Contains(Kinds, a.Kind):
		ask := nearest.DidYouMean(kind, "", append(slices.Clone(Kinds), Still))
		return a, fmt.Errorf("models: %q%s: want %s or %s", kind, ask, strings.Join(Kinds, ", "), Still)
	case !labels.MatchString(label):
		return a, fmt.Errorf("models: label %q of %s: want at most 64 letters a to z, digits and -", label, text)
	case label != kind && (slices.Contains(Kinds, label) || label == Still):
		return a, fmt.Errorf("models: label %q of %s is the name of another kind: want another label", label, text)
	}
	ownRate := false
	for setting := range strings.SplitSeq(settings, ":") {
		if !some {
			break
		}
		key, _, _ := strings.Cut(setting, "=")
		key = strings.ReplaceAll(key, "-", "_")
		plastic, without := slices.Contains(plasticKeys, key), ""
		switch {
		case !slices.Contains(armKeys, key):
			return a, fmt.Errorf("models: setting %q of %s%s: want KEY=VALUE with one of %s", setting, label, nearest.DidYouMean(key, "", armKeys), strings.Join(armKeys, ", "))
		case plastic && kind == modeldir.Readout:
			without = "whose LSTM layers have no traces"
		case plastic && kind == modeldir.LSTM:
			without = "which is a standard LSTM and has no traces"
		case kind != modeldir.Readout && slices.Contains(readoutKeys, key):
			without = "which has no plastic readout"
		}
		if without != "" {
			return a, fmt.Errorf("models: setting %q of %s, %s: leave it out", setting, label, without)
		}
		if _, err := a.Recipe.Fields().Set(setting); err != nil {
			return a, fmt.Errorf("models: %s: %w", label, err)
		}
		ownRate = ownRate || key == "lr"
	}
	if is := a.Recipe.Optimizer; !ownRate && (is == "adam") != (r.Optimizer == "adam") {
		return a, fmt.Errorf("models: %s has optimizer %s, and the run's lr %v is meant for %s: want an lr of its own, as in %[1]s=%[5]s:optimizer=%[2]s:lr=%[6]v", label, is, r.LR, r.Optimizer, kind, suitable(is))
	}
	return a, nil
}

// suitable is a learning rate to try with an optimizer.
func suitable(optimizer string) float64 {
	if optimizer == "adam" {
		return AdamLR
	}
	return 10
}
