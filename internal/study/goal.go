package study

// tracker follows the running mean of a training's values towards a Goal, until
// that is reached.
type tracker struct {
	Recent []float64 `json:"recent,omitempty"` // the last values, the oldest first
	Since  int       `json:"since,omitempty"`  // episode since which the mean has been good; 0: it is not
	Solved int       `json:"solved,omitempty"` // Since of the first stretch that was long enough; 0: none yet
}

// add takes the value after an episode, counted from 1. After one that is no
// number the window begins anew. What has been learned stays learned.
func (t *tracker) add(g *Goal, higher bool, episode int, value float64) {
	if t.Solved > 0 {
		return
	}
	if !finite(value) {
		*t = tracker{}
		return
	}
	t.Recent = append(t.Recent, value)
	if over := len(t.Recent) - g.Window; over > 0 {
		t.Recent = append(t.Recent[:0], t.Recent[over:]...)
	}
	var mean float64
	for _, v := range t.Recent {
		mean += v / float64(g.Window)
	}
	good := mean < g.Value && !higher || mean > g.Value && higher
	switch {
	case !good || len(t.Recent) < g.Window:
		t.Since = 0
	case t.Since == 0:
		t.Since = episode
	}
	if t.Since > 0 && episode-t.Since >= g.Hold {
		*t = tracker{Solved: t.Since}
	}
}
