package study

import (
	"slices"

	"github.com/engram-lm/engram/data/registry"
	"github.com/engram-lm/engram/internal/cli"
)

// recipe is what makes the whole run anew where there is nothing but the source:
// the data, and one command with all settings that are not the preset's. The run
// itself may have come from several commands and a configuration file.
func (r *run) recipe() (string, error) {
	common, own, err := r.task.preset(r.common.Preset)
	if err != nil {
		return "", err
	}
	fetch, args := "", []string(nil)
	preset := r.task.fields(common, own)
	for _, f := range r.task.fields(r.common, r.own) {
		if f.Key == "data" {
			if set, ok := registry.Find(f.String()); ok {
				fetch = "scripts/download " + set.Name
				if slices.ContainsFunc(set.Sources, func(s registry.Source) bool { return s.URL == "" }) {
					fetch += " --from MIRROR"
				}
				fetch += "\n"
			}
		}
		was, err := preset.Find(f.Key)
		switch {
		case err != nil:
			return "", err
		case f.Key == "preset" && f.String() != r.task.presets[0].name:
		case f.String() == was.String(), changesNothing(f.Key):
			continue
		}
		if f.IsBool() {
			args = append(args, "--"+f.Flag()+"="+f.String())
		} else {
			args = append(args, "--"+f.Flag(), f.String())
		}
	}
	return fetch + r.task.invocation() + cli.Quoted(args), nil
}
