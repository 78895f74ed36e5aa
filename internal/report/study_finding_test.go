package report

import (
	"bytes"
	"strings"
	"testing"
)

// sampled is a study of models with these values, of which the last is the control
// if there is one.
func sampled(metric Metric, control bool, values ...[]float64) *Study {
	s := &Study{Title: "Task", Unit: "episodes", Metric: metric}
	names := []string{"plastic", "lstm", "gru"}
	for i, v := range values {
		a := StudyArm{Model: names[i]}
		if control && i == len(values)-1 {
			a.Model, a.Control = "rnn", true
		}
		for seed, v := range v {
			a.Seeds = append(a.Seeds, StudySeed{Seed: uint64(seed + 1), Value: v})
		}
		s.Models = append(s.Models, a)
	}
	return s
}

// The headline claims what the seeds show, and no more; the shaded row neither.
func TestHeadline(t *testing.T) {
	accuracy := Metric{Name: "accuracy", Label: "right answers", Higher: true, Percent: true}
	reward := Metric{Name: "mean_reward", Label: "reward", Higher: true}
	low, high := []float64{1, 1.1, 1.2, 1.3, 1.4}, []float64{2, 2.1, 2.2, 2.3, 2.4}
	for name, c := range map[string]struct {
		study  *Study
		want   string
		shaded int
	}{
		"one model, one seed":   {sampled(reward, false, []float64{2}), "Task: 2 with plastic (one seed).", -1},
		"one seed each":         {sampled(reward, true, []float64{126.2}, []float64{115}, []float64{76.8}), "Task: 126 with plastic, 77 with the control, rnn (one seed each).", -1},
		"the control, one seed": {sampled(accuracy, true, []float64{0.31}, []float64{0.333}), "Task: 33.3% with the control, rnn, 31.0% with plastic (one seed each).", -1},
		"the control of three":  {sampled(accuracy, true, []float64{0.31}, []float64{0.32}, []float64{0.333}), "Task: 33.3% with the control, rnn, 32.0% with the next best, lstm (one seed each).", -1},
		"a tie":                 {sampled(accuracy, true, []float64{0.1}, []float64{0.1}), "Task: 10.0% both with plastic and with the control, rnn (one seed each).", -1},
		"a tie of the control":  {sampled(accuracy, true, []float64{0.10001}, []float64{0.10002}), "Task: 10.0% both with plastic and with the control, rnn (one seed each).", -1},
		"one seed against many": {sampled(reward, true, []float64{3.5}, low), "Task: 3.50 with plastic, 1.20 ± 0.20 with the control, rnn (1 seed and 5 seeds).", -1},
		"apart":                 {sampled(reward, true, high, low), "Task: 2.20 ± 0.20 with plastic, 1.20 ± 0.20 with the control, rnn.", 0},
		"mixed":                 {sampled(reward, true, []float64{1, 2, 1.25}, []float64{1.2, 1.3, 1.1}), "Task: 1.4 ± 1.3 with plastic, 1.2 ± 0.2 with the control, rnn: no clear difference.", -1},
		"without a control":     {sampled(reward, false, high, low), "Task: 2.20 ± 0.20 with plastic, 1.20 ± 0.20 with lstm.", 0},
	} {
		c.study.Summarise()
		if got := strings.ReplaceAll(c.study.find().Headline, "\u00a0", " "); got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
		if got := c.study.compare(ascii).Best; got != c.shaded {
			t.Errorf("%s: row %d is shaded, want %d", name, got, c.shaded)
		}
	}
}

// What a metric is measured on is what the task says, else what most tasks have.
func TestMeasuredOn(t *testing.T) {
	for on, want := range map[string][2]string{
		"":                  {"lower is better, on episodes that no model has learned from.", "Loss: the loss, on held-out episodes after training."},
		"those it chose by": {"lower is better, on those it chose by.", "Loss: the loss, on those it chose by."},
	} {
		s := sampled(Metric{Name: "loss", Label: "the loss", On: on}, true, []float64{1}, []float64{2})
		s.Summarise()
		if got := strings.Join(s.find().Support, " "); !strings.Contains(got, want[0]) {
			t.Errorf("%q: %s, want %s", on, got, want[0])
		}
		if got := s.tableNote(); !strings.Contains(got, want[1]) {
			t.Errorf("%q: %s, want %s", on, got, want[1])
		}
	}
}

// The model that the headline picks as the best of several is tested as one of
// several: p is corrected.
func TestVerdictOfTheBest(t *testing.T) {
	reward := Metric{Name: "mean_reward", Label: "reward", Higher: true}
	four := func(from float64) []float64 { return []float64{from, from + 1, from + 2, from + 3} }
	verdict := func(s *Study) string {
		s.Summarise()
		return strings.ReplaceAll(strings.Join(s.find().Support, " "), "\u00a0", " ")
	}
	two := sampled(reward, true, four(10), four(0))
	if got := verdict(two); !strings.Contains(got, "The difference between plastic and rnn is significant (exact two-sided rank-sum test, p = 0.029).") {
		t.Errorf("two models: %s", got)
	}
	three := sampled(reward, true, four(10), four(5), four(0))
	if got := verdict(three); !strings.Contains(got, "so few cannot show significance (exact two-sided rank-sum test, p = 0.057 after Holm’s correction for 2 comparisons, the least there is).") {
		t.Errorf("three models: %s", got)
	}
}

// The numbers of a column have as many decimals each.
func TestColumn(t *testing.T) {
	reward := Metric{Name: "mean_reward", Label: "reward", Higher: true}
	for want, s := range map[string]*Study{
		"0.0 0.0 11.6":      sampled(reward, true, []float64{-0.0433}, []float64{0.0153}, []float64{11.63}),
		"0.513 0.510 0.500": sampled(reward, true, []float64{0.513}, []float64{0.51}, []float64{0.5}),
		"15.0 17.7 -6.9":    sampled(reward, true, []float64{15}, []float64{17.7}, []float64{-6.9}),
		"4 12,500 3":        sampled(reward, true, []float64{4.2}, []float64{12500}, []float64{3}),
		"10.0% 0.0% 50.0%":  sampled(Metric{Name: "a", Percent: true}, true, []float64{0.1}, []float64{0}, []float64{0.5}),
		"0.32% 49.81%":      sampled(Metric{Name: "a", Percent: true}, true, []float64{0.0032}, []float64{0.4981}),
		"5e-06 1e-05":       sampled(reward, true, []float64{5e-6}, []float64{1e-5}),
		"150 +- 635 1 +- 1": sampled(reward, true, []float64{100, 200}, []float64{1, 1.2}),
	} {
		var out bytes.Buffer
		if err := s.WriteTable(&out); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.values(ascii), " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
