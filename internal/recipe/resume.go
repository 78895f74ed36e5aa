package recipe

import "slices"

// What on_nan may be.
const (
	Stop     = "stop"
	Rollback = "rollback"
)

// Change is a field whose value in one recipe is not the one in another.
type Change struct{ Is, Was Field }

// Changes lists the fields of r that are not as in was and are not Free.
func (r *Recipe) Changes(was *Recipe) (changes []Change) {
	then := was.Fields()
	for i, f := range r.Fields() {
		if f.String() != then[i].String() && !f.Free() {
			changes = append(changes, Change{f, then[i]})
		}
	}
	return changes
}

// Free reports whether the field may change whenever a run is resumed: which
// cores compute, how often a checkpoint is written and what happens after a
// number that is not finite change nothing of what a sound run comes to.
func (f Field) Free() bool {
	return slices.Contains([]string{"threads", "checkpoint_every", "keep_checkpoints", "on_nan", "rollbacks"}, f.Key)
}

// Forced reports whether the field may change in the middle of a run if the user
// insists: the run comes to something else then, but all that a checkpoint holds
// still has its place.
func (f Field) Forced() bool {
	return slices.Contains([]string{
		"epochs", "steps", "lr", "clip_norm", "dropout", "weight_decay", "decay", "decay_start",
		"average_from", "divide_alpha", "log_every",
	}, f.Key)
}
