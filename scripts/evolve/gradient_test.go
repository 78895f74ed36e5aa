package main

import (
	"bytes"
	"strings"
	"testing"
)

// Two seeds: the gradient's validations are at other steps and take ten times as long.
func TestCompare(t *testing.T) {
	rows := `{"model":"decomposed","seed":1,"seconds":40,"extra":{"steps":4e6},"validation_steps":[0,1e6,2e6,3e6],"validation_fitness":[-1,-0.5,0,0.2]}
{"model":"decomposed","seed":5,"seconds":40,"extra":{"steps":4e6},"validation_steps":[0,2e6,4e6],"validation_fitness":[-1,0,1]}
{"model":"gradient","seed":1,"seconds":200,"extra":{"steps":2e6},"validation_steps":[0,0.5e6,1.5e6],"validation_fitness":[-1,-0.8,-0.6]}
{"model":"gradient","seed":5,"seconds":200,"extra":{"steps":2e6},"validation_steps":[0,0.5e6,1.5e6],"validation_fitness":[-1,-0.4,0.6]}
`
	var out bytes.Buffer
	if err := compare(strings.NewReader(rows), &out); err != nil {
		t.Fatal(err)
	}
	want := `at equal steps, 1.5 million steps: evolution has fitness -0.250 (-0.250, -0.250), gradient 0.000 (-0.600, 0.600), over 2 seeds
at equal seconds, 35.0 s: evolution has fitness 0.600 (0.200, 1.000), gradient -0.700 (-0.880, -0.520), over 2 seeds
`
	if out.String() != want {
		t.Errorf("says\n%swant\n%s", &out, want)
	}
	for _, bad := range []string{strings.Split(rows, "\n")[0], "x", strings.ReplaceAll(rows, "gradient", "rnn"), strings.ReplaceAll(rows, `"steps"`, `"x"`)} {
		if compare(strings.NewReader(bad), &out) == nil {
			t.Errorf("%.20s is compared", bad)
		}
	}
}
