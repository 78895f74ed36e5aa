package compare

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/progress"
)

// ToldApart is what the note says of a label that is no one model.
const ToldApart = "is told apart by run"

// pooled is a model of the joined report: that of a run, or of several that agree.
type pooled struct {
	label string
	name  string // the label, and if others have it too the first run
	arms  []*arm
}

// pool puts together what is one model, in the order of the runs, and says in sentences
// what it did.
func pool(runs []*Run) (all []*pooled, notes []string) {
	why := map[string][]string{}
	for _, r := range runs {
		for _, a := range r.arms {
			home := (*pooled)(nil)
			for _, p := range all {
				if p.label != a.label || home != nil {
					continue
				}
				if apart := p.apart(a); apart != "" {
					why[a.label] = append(why[a.label], apart)
				} else {
					home = p
				}
			}
			if home == nil {
				home = &pooled{label: a.label, name: a.label}
				all = append(all, home)
			}
			home.arms = append(home.arms, a)
		}
	}
	told := map[string]bool{}
	var several []string
	for _, p := range all {
		if count(all, func(q *pooled) bool { return q.label == p.label }) > 1 {
			p.name = fmt.Sprintf("%s (%s)", p.label, p.arms[0].run.name)
			if !told[p.label] {
				told[p.label] = true
				notes = append(notes, fmt.Sprintf("%s %s: %s.", p.label, ToldApart, strings.Join(unique(why[p.label]), "; ")))
			}
		}
		if len(p.arms) > 1 {
			several = append(several, p.from())
		}
	}
	if several != nil {
		notes = append(notes, "Seeds come from several runs. "+strings.Join(several, " "))
	}
	return all, notes
}

func count(all []*pooled, which func(*pooled) bool) (n int) {
	for _, p := range all {
		if which(p) {
			n++
		}
	}
	return n
}

func unique(all []string) (once []string) {
	for _, s := range all {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}

// from says which seeds of a model are from where: "lstm: 1 of low; 2, 3 of high."
func (p *pooled) from() string {
	var from []string
	had := map[uint64]bool{}
	for _, a := range p.arms {
		var fresh, again []string
		for _, seed := range slices.Sorted(maps.Keys(a.seeds)) {
			if had[seed] {
				again = append(again, fmt.Sprint(seed))
			} else {
				fresh = append(fresh, fmt.Sprint(seed))
			}
			had[seed] = true
		}
		switch {
		case fresh != nil:
			from = append(from, strings.Join(fresh, ", ")+" of "+a.run.name)
		case again != nil:
			from = append(from, strings.Join(again, ", ")+" of "+a.run.name+", the same")
		default:
			from = append(from, "none of "+a.run.name)
		}
	}
	return p.name + ": " + strings.Join(from, "; ") + "."
}

// apart says in a clause why an arm is another model than the others; "" if it is the
// same.
func (p *pooled) apart(a *arm) string {
	for _, b := range p.arms {
		if why := b.apart(a); why != "" {
			return why
		}
	}
	return ""
}

// apart says in a clause why two arms of one label are no one model; "" if they are.
func (a *arm) apart(b *arm) string {
	differ := func(what string, was, is any) string {
		return fmt.Sprintf("%s is %v in %s and %v in %s", what, was, a.run.name, is, b.run.name)
	}
	switch {
	case b.kind != a.kind && b.run.Report != nil:
		return differ("its kind", a.kind, b.kind)
	case b.params != a.params:
		return differ("its number of parameters", progress.Thousands(a.params), progress.Thousands(b.params))
	}
	// The same seed to the same bits is the same training, whatever was set; to others
	// it is not, be it for another version of the program.
	both := 0
	for _, seed := range slices.Sorted(maps.Keys(b.seeds)) {
		was, ok := a.seeds[seed]
		if !ok {
			continue
		}
		both++
		if is := b.seeds[seed]; math.Float64bits(was) != math.Float64bits(is) && !(math.IsNaN(was) && math.IsNaN(is)) {
			if why := a.set(b); why != "" {
				return why
			}
			return differ(fmt.Sprintf("what seed %d comes to under the same settings", seed), fmt.Sprintf("%.6g", was), fmt.Sprintf("%.6g", is))
		}
	}
	if both > 0 {
		return ""
	}
	return a.set(b)
}

// set says which settings of two arms differ.
func (a *arm) set(b *arm) string {
	if b.settings == nil || a.settings == nil {
		return "" // all that is known of them is the same
	}
	keys := maps.Clone(b.settings)
	maps.Copy(keys, a.settings)
	var differ []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, had := a.settings[key]
		is, has := b.settings[key]
		if had && has && was != is { // one that only one of them has is of another version
			differ = append(differ, fmt.Sprintf("%s is %s in %s and %s in %s", key, orNothing(was), a.run.name, orNothing(is), b.run.name))
		}
	}
	if len(differ) > most {
		differ = append(differ[:most], fmt.Sprintf("%d more settings differ", len(differ)-most))
	}
	return strings.Join(differ, ", ")
}

// most is how many differences are named.
const most = 3

func orNothing(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}
