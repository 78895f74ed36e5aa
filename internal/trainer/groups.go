package trainer

import (
	"github.com/engram-lm/engram/internal/modeldir"
	"github.com/engram-lm/engram/internal/recipe"
	"github.com/engram-lm/engram/lstm/optim"
)

// groups are the plastic parameters of a model by their role, each role with a
// learning rate, and if so wanted a clip, of its own. All others have no group.
type groups map[modeldir.Role]*optim.Group

// of returns the group of a role, nil for the weights of a standard LSTM.
func (g groups) of(role modeldir.Role) *optim.Group {
	if role == modeldir.Weights {
		return nil
	}
	if g[role] == nil {
		g[role] = &optim.Group{}
	}
	return g[role]
}

// epoch sets what holds in an epoch.
func (g groups) epoch(r *recipe.Recipe, epoch int) {
	for role, group := range g {
		group.Rate = r.RateFactor(role, epoch)
	}
}
