package cue

// answers returns the expected number of answers in an episode, which is what an
// agent earns that knows the target from the start; one that answers at random
// earns 0. Trials have r.Cues different lengths with equal chances, and the Go cue
// is the last step but one, so with n steps left at the start of a trial
//
//	N(n) = mean over L of [L-1 <= n] (1 + N(n-L)),  N(n) = 0 for less than a trial.
func (r Rules) answers() float64 {
	expected := make([]float64, r.Steps+1)
	for left := range expected {
		for length := r.shortest(); length <= r.longest() && length <= left+1; length++ {
			expected[left] += (1 + expected[max(0, left-length)]) / float64(r.Cues)
		}
	}
	return expected[r.Steps]
}
