package cue

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/engram-lm/engram/internal/rng"
)

func newEnv(t testing.TB, rules Rules, batch int, seed uint64) *Env {
	t.Helper()
	e, err := NewEnv(rules, batch, seed, "environment")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// play runs episodes in which policy(b) chooses stream b's action, and calls
// after(b, reward, obs of b) for each step taken.
func play(e *Env, episodes int, policy func(b int) int, after func(b int, reward float32, obs []float32)) {
	batch, n := len(e.streams), e.Inputs()
	obs, rewards, acts := make([]float32, batch*n), make([]float32, batch), make([]int, batch)
	for range episodes {
		e.Reset(obs)
		for range e.Steps() {
			for b := range acts {
				acts[b] = policy(b)
			}
			e.Step(acts, obs, rewards)
			for b, r := range rewards {
				after(b, r, obs[b*n:][:n])
			}
		}
	}
}

// By hand: a trial is answered within 120 steps if it ends within 121. The first
// trial to end after that ends, on average, mean(L(L+1)) / (2 mean(L)) = 50/13
// steps after them, and by Wald's equation the sum of lengths to there is 6.5
// times the number of trials: (121 + 50/13)/6.5 - 1 = 18.207 are answered.
//
// An agent that knows the target earns +1 with each answer. One that answers at
// random is right half of the time and earns 0 on average, with a variance of 1
// an answer.
func TestOptimalAndRandomPolicies(t *testing.T) {
	const batch, episodes = 50, 40
	want := Paper().answers()
	if !(math.Abs(want-(121+50./13)/6.5+1) <= 1e-3) {
		t.Fatalf("%.4f answers an episode, want %.4f", want, (121+50./13)/6.5-1)
	}
	own := quick()
	if quick := own.rules().answers(); !(math.Abs(quick-13.17) <= 0.01) {
		t.Errorf("%.2f answers in the quick preset's episode; the documentation says 13.2", quick)
	}
	e := newEnv(t, Paper(), batch, 1)
	seen := make([]bool, batch)
	optimal := func(b int) int {
		if e.streams[b].at == 0 {
			seen[b] = false
		}
		seen[b] = seen[b] || e.Cue(b) == e.Target(b)
		if seen[b] {
			return 1
		}
		return 0
	}
	r := rng.New(1, "policy")
	random := func(int) int { return r.IntN(2) }

	run := func(policy func(int) int) (mean, variance float64) {
		returns, steps := make([]float64, batch*episodes), make([]int, batch)
		play(e, episodes, policy, func(b int, reward float32, _ []float32) {
			returns[b*episodes+steps[b]/e.Steps()] += float64(reward)
			steps[b]++
		})
		for _, x := range returns {
			mean += x / batch / episodes
			variance += x * x / batch / episodes
		}
		return mean, variance - mean*mean
	}
	const n = batch * episodes
	if mean, variance := run(optimal); !(math.Abs(mean-want) <= 4*math.Sqrt(variance/n)) || variance > 1 {
		t.Errorf("the optimal policy earns %.3f with a variance of %.3f, want %.3f with less than 1", mean, variance, want)
	}
	if mean, variance := run(random); !(math.Abs(mean) <= 4*math.Sqrt(want/n)) || !(math.Abs(variance/want-1) <= 4*math.Sqrt(2./n)) {
		t.Errorf("a random policy earns %.3f with a variance of %.3f, want 0 with %.3f", mean, variance, want)
	}
}

// Each trial is a blank, then half of the cues once each among blanks, then the
// Go cue, then a blank; the reward comes with the answer's step and is seen in
// the next observation.
func TestTrials(t *testing.T) {
	const batch = 20
	e := newEnv(t, Paper(), batch, 3)
	n := e.Inputs()
	if n != 27 || e.Actions() != 2 || e.Steps() != 120 {
		t.Fatalf("%d inputs, %d actions, %d steps; want 27, 2, 120", n, e.Actions(), e.Steps())
	}
	obs, rewards, acts := make([]float32, batch*n), make([]float32, batch), make([]int, batch)
	lengths := map[int]int{}
	withTarget, all := 0, 0
	for range 10 {
		e.Reset(obs)
		first, shown := make([]int, batch), make([][]int, batch)
		targets := make([]int, batch)
		for b := range targets {
			targets[b] = e.Target(b)
		}
		for step := range e.Steps() {
			for b := range batch {
				row := obs[b*n:][:n]
				if got := row[22]; got != float32(step)/120 {
					t.Fatalf("step %d shows time %v", step, got)
				}
				if row[21] != 1 || row[24] != 0 {
					t.Fatalf("bias %v, unused %v; want 1, 0", row[21], row[24])
				}
				k := e.Cue(b)
				bits := row[:20]
				if k < 0 && slices.ContainsFunc(bits, func(x float32) bool { return x != 0 }) {
					t.Fatal("a step without a cue shows bits")
				}
				if k >= 0 {
					if !slices.Equal(bits, e.streams[b].cues[20*k:][:20]) {
						t.Fatalf("cue %d is not shown as it is", k)
					}
					if slices.Contains(shown[b], k) {
						t.Fatalf("cue %d twice in a trial", k)
					}
					shown[b] = append(shown[b], k)
				}
				acts[b] = (step + b) % 2
			}
			was := slices.Clone(obs)
			e.Step(acts, obs, rewards)
			for b := range batch {
				if e.Target(b) != targets[b] {
					t.Fatal("the target changed within an episode")
				}
				row := obs[b*n:][:n]
				if row[23] != rewards[b] {
					t.Fatalf("reward %v is seen as %v", rewards[b], row[23])
				}
				if row[25+acts[b]] != 1 || row[26-acts[b]] != 0 {
					t.Fatalf("action %d is seen as %v", acts[b], row[25:])
				}
				isGo := was[b*n+20] == 1
				if !isGo {
					if rewards[b] != 0 {
						t.Fatalf("reward %v without the Go cue", rewards[b])
					}
					continue
				}
				hasTarget := slices.Contains(shown[b], targets[b])
				want := float32(-1)
				if hasTarget == (acts[b] == 1) {
					want = 1
				}
				if rewards[b] != want {
					t.Fatalf("answer %d, target shown %t: reward %v", acts[b], hasTarget, rewards[b])
				}
				if len(shown[b]) != 2 {
					t.Fatalf("%d cues before the Go cue, want 2", len(shown[b]))
				}
				if e.Cue(b) != blank {
					t.Fatal("the step after the Go cue shows a cue")
				}
				lengths[step+2-first[b]]++
				first[b], shown[b] = step+2, nil
				all++
				if hasTarget {
					withTarget++
				}
			}
		}
	}
	for length, n := range lengths {
		if length < 5 || length > 8 || !(math.Abs(float64(n)/float64(all)-0.25) <= 0.04) {
			t.Errorf("%d of %d trials have %d steps; want a quarter each of 5 to 8", n, all, length)
		}
	}
	if p := float64(withTarget) / float64(all); !(math.Abs(p-0.5) <= 0.04) {
		t.Errorf("%.3f of the trials show the target, want a half", p)
	}
}

// The first observation has no action and no reward in it.
func TestResetForgets(t *testing.T) {
	e := newEnv(t, Paper(), 3, 1)
	n := e.Inputs()
	obs, rewards := make([]float32, 3*n), make([]float32, 3)
	for range 2 {
		e.Reset(obs)
		for b := range 3 {
			if row := obs[b*n:][:n]; row[21] != 1 || slices.ContainsFunc(append(row[:21:21], row[22:]...), func(x float32) bool { return x != 0 }) {
				t.Fatalf("first observation %v; want the bias alone", row)
			}
		}
		for range 50 {
			e.Step([]int{1, 0, 1}, obs, rewards)
		}
	}
}

// A stream sees the same whether it is alone or one of many, another seed or
// name gives another episode, and cues all differ even where they are few.
func TestStreams(t *testing.T) {
	record := func(e *Env, b int) (seen []float32) {
		play(e, 2, func(b int) int { return e.t % 2 }, func(at int, _ float32, obs []float32) {
			if at == b {
				seen = append(seen, obs...)
			}
		})
		return seen
	}
	want := record(newEnv(t, Paper(), 2, 7), 1)
	if !slices.Equal(record(newEnv(t, Paper(), 9, 7), 1), want) {
		t.Error("stream 1 depends on its neighbours")
	}
	if slices.Equal(record(newEnv(t, Paper(), 2, 7), 0), want) || slices.Equal(record(newEnv(t, Paper(), 2, 8), 1), want) {
		t.Error("two streams or two seeds give the same episode")
	}
	e := newEnv(t, Rules{Cues: 4, Bits: 2, Steps: 8}, 5, 1)
	e.Reset(make([]float32, 5*e.Inputs()))
	for b := range e.streams {
		all := map[string]bool{}
		for c := range 4 {
			all[fmt.Sprint(e.streams[b].cues[2*c:][:2])] = true
		}
		if len(all) != 4 {
			t.Errorf("stream %d has the cues %v", b, e.streams[b].cues)
		}
	}
}

// With fixed cues every stream, episode and environment of a seed has the same
// ones, and only the target changes.
func TestFixedCues(t *testing.T) {
	rules := Rules{Cues: 4, Bits: 4, Steps: 120, Fixed: true}
	e := newEnv(t, rules, 30, 1)
	held, err := NewEnv(rules, 2, 1, "held-out environment")
	if err != nil {
		t.Fatal(err)
	}
	obs := make([]float32, 30*e.Inputs())
	targets := map[int]bool{}
	for range 3 {
		e.Reset(obs)
		held.Reset(obs)
		for b := range e.streams {
			targets[e.Target(b)] = true
			if !slices.Equal(e.streams[b].cues, held.streams[0].cues) {
				t.Fatal("cues differ")
			}
		}
	}
	if len(targets) != 4 {
		t.Errorf("targets %v, want all four", targets)
	}
}

// Between episodes the positions of the random streams are all there is to the
// state: an environment that gets them goes on alike.
func TestStateIsTheStreams(t *testing.T) {
	rules := Paper()
	e, copied := newEnv(t, rules, 3, 1), newEnv(t, rules, 3, 2)
	obs, rewards := make([]float32, 3*e.Inputs()), make([]float32, 3)
	again := make([]float32, 3*e.Inputs())
	episode := func(e *Env, obs []float32, check func()) {
		e.Reset(obs)
		check()
		for i := range e.Steps() {
			e.Step([]int{i % 2, 1, 0}, obs, rewards)
			check()
		}
	}
	for range 2 {
		episode(e, obs, func() {})
	}
	for b, s := range e.Streams() {
		at, err := s.MarshalBinary()
		if err == nil {
			err = copied.Streams()[b].UnmarshalBinary(at)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var seen [][]float32
	episode(e, obs, func() { seen = append(seen, slices.Clone(obs)) })
	i := 0
	episode(copied, again, func() {
		if !slices.Equal(again, seen[i]) {
			t.Fatalf("observations differ after %d steps", i)
		}
		i++
	})
}

func TestRulesAreChecked(t *testing.T) {
	for _, r := range []Rules{{Cues: 1, Bits: 20, Steps: 120}, {Cues: 5, Bits: 2, Steps: 120}, {Cues: 4, Bits: 0, Steps: 120}, {Cues: 4, Bits: 20}} {
		if _, err := NewEnv(r, 1, 1, "environment"); err == nil {
			t.Errorf("%+v is taken", r)
		}
	}
	if err := Paper().Validate(); err != nil {
		t.Error(err)
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	e := newEnv(t, Paper(), 30, 1)
	obs, rewards, acts := make([]float32, 30*e.Inputs()), make([]float32, 30), make([]int, 30)
	if n := testing.AllocsPerRun(5, func() {
		e.Reset(obs)
		for range e.Steps() {
			e.Step(acts, obs, rewards)
		}
	}); n != 0 {
		t.Errorf("%v allocations an episode", n)
	}
}

func BenchmarkEpisode(b *testing.B) {
	e := newEnv(b, Paper(), 30, 1)
	obs, rewards, acts := make([]float32, 30*e.Inputs()), make([]float32, 30), make([]int, 30)
	for b.Loop() {
		e.Reset(obs)
		for range e.Steps() {
			e.Step(acts, obs, rewards)
		}
	}
}
