package optim

import "math"

// Group is what some parameters of a model have of their own in a step, in the
// place of what Step is given for all.
type Group struct {
	// Rate is a factor of the learning rate. With 0 the parameters are held: they
	// stay as they are, and their gradients count in no norm.
	Rate float64
	// Scale is what the gradients are multiplied by; 0 takes the step's.
	Scale float64
}

// step returns the learning rate and the gradient's factor of p.
func (p *Param) step(lr, scale float64) (float64, float64) {
	if p.Group == nil {
		return lr, scale
	}
	if p.Group.Scale > 0 {
		scale = p.Group.Scale
	}
	return lr * p.Group.Rate, scale
}

// held reports whether the step leaves p as it is.
func (p *Param) held() bool { return p.Group != nil && p.Group.Rate == 0 }

// ClipGroups clips the gradient's norm of each group of params apart, and that of
// the parameters without a group: it sets each group's Scale and returns the scale
// of the others, as ClipScale does of all.
func ClipGroups(params []Param, max float64) (scale float64) {
	sums := map[*Group]float64{}
	for i := range params {
		sums[params[i].Group] += sumSquares(params[i].Grad)
	}
	for g, sum := range sums {
		if g != nil {
			g.Scale = ClipScale(math.Sqrt(sum), max)
		}
	}
	return ClipScale(math.Sqrt(sums[nil]), max)
}
