// Command evolve checks the claim of eval/evolve at its quick preset, over three
// seeds: within a life the evolved decomposed rule learns, and nothing else does.
//
//	go run ./scripts/evolve --out runs/evolve-claim
//	go run ./scripts/evolve --resume runs/evolve-claim
//
// What a life gains is the mean score of its rollouts 6 to 8 less that of rollout 1.
// The mean over the seeds must be 0.4 or more for the decomposed rule with the
// neuromodulator after the step; 0.1 or less for lstm, for rnn, for the same rule
// with the weights put back to birth at each rollout, and with plasticity off; and
// for a random walk within two standard errors of nothing. No order of the scores
// themselves is asked: in mazes this small a good search is enough. It prints a line
// for each and ends with status 1 if one does not hold.
//
// With --gradient it holds the decomposed rule trained by the gradient of its lives
// against the one that evolves, at equal steps in mazes and at equal seconds, as far as
// the one that has less of them has come. It claims nothing of who is ahead.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/stats"
)

func main() { cli.Main("evolve", run) }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var out, resume string
	var gradient bool
	c := &cobra.Command{
		Use: "evolve (--out DIR | --resume DIR)", Short: "check the claim of eval evolve over three seeds",
		RunE: func(*cobra.Command, []string) error {
			command := []string{"run", "./eval", "evolve", "--json"}
			switch {
			case (out == "") == (resume == ""):
				return cli.Usagef("want --out for a new run, or --resume for one that is there")
			case out != "":
				models := "decomposed,lstm,rnn"
				if gradient {
					models = "decomposed,gradient"
				}
				command = append(command, "--preset", "quick", "--models", models, "--seeds", "3", "--out", out)
			default:
				command = append(command, "--resume", resume)
			}
			var rows bytes.Buffer
			eval := exec.CommandContext(ctx, "go", command...)
			eval.Stdout, eval.Stderr = &rows, stderr
			if err := eval.Run(); err != nil {
				return fmt.Errorf("go %s: %w", strings.Join(command, " "), err)
			}
			if gradient {
				return compare(&rows, stdout)
			}
			return verdict(&rows, stdout)
		},
	}
	c.Flags().StringVar(&out, "out", "", "`folder` of a new run")
	c.Flags().StringVar(&resume, "resume", "", "`folder` of a run of this command")
	c.Flags().BoolVar(&gradient, "gradient", false, "hold gradient against evolution instead")
	return cli.Execute(ctx, c, args, stdout, stderr)
}

// row is what is read of a row of eval evolve --json.
type row struct {
	Model   string              `json:"model"`
	Seed    uint64              `json:"seed"`
	Seconds float64             `json:"seconds"`
	Extra   map[string]*float64 `json:"extra"`
	Steps   []float64           `json:"validation_steps"`
	Fitness []float64           `json:"validation_fitness"`
}

// eachRow calls f with the rows in their order.
func eachRow(rows io.Reader, f func(row)) error {
	for d := json.NewDecoder(rows); ; {
		var r row
		err := d.Decode(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f(r)
	}
}

// claim is a bound on what is gained, by the number of a model's rows.
type claim struct {
	about, model, key string
	holds             func(mean float64) bool
	want              string
}

var claims = []claim{
	{"decomposed, modulation after", "decomposed", "gain", atLeast, "0.4 or more"},
	{"decomposed, weights reset", "decomposed", "gain_weights_reset", atMost, "0.1 or less"},
	{"decomposed, plasticity off", "decomposed", "gain_no_plasticity", atMost, "0.1 or less"},
	{"lstm", "lstm", "gain", atMost, "0.1 or less"},
	{"rnn", "rnn", "gain", atMost, "0.1 or less"},
}

func atLeast(v float64) bool { return v >= 0.4 }
func atMost(v float64) bool  { return v <= 0.1 }

// verdict says which claims the rows bear out.
func verdict(rows io.Reader, w io.Writer) error {
	gains := map[string]map[string][]float64{} // by model and key
	if err := eachRow(rows, func(r row) {
		if gains[r.Model] == nil {
			gains[r.Model] = map[string][]float64{}
		}
		for key, v := range r.Extra {
			if v != nil {
				gains[r.Model][key] = append(gains[r.Model][key], *v)
			}
		}
	}); err != nil {
		return err
	}
	var failed []string
	say := func(about string, values []float64, mean float64, holds bool, want string) {
		word := "holds"
		if !holds {
			word = "FAILS"
			failed = append(failed, about)
		}
		fmt.Fprintf(w, "%-30s gains %6.3f over %d seeds (%s), want %s: %s\n", about, mean, len(values), listed(values), want, word)
	}
	for _, c := range claims {
		values := gains[c.model][c.key]
		if len(values) < 3 {
			return fmt.Errorf("%s: %d seeds, want 3", c.about, len(values))
		}
		say(c.about, values, stats.Mean(values), c.holds(stats.Mean(values)), c.want)
	}
	walk, errs := gains["decomposed"]["random_gain"], gains["decomposed"]["random_gain_se"]
	if len(walk) == 0 || len(errs) != len(walk) {
		return errors.New("the rows have no random walk: want those of this version")
	}
	bound := 0.0
	for _, se := range errs {
		bound += se * se
	}
	bound = 2 * math.Sqrt(bound) / float64(len(errs))
	say("random walk", walk, stats.Mean(walk), math.Abs(stats.Mean(walk)) <= bound, fmt.Sprintf("within %.3f of 0, two standard errors", bound))
	if failed != nil {
		return fmt.Errorf("the claim does not hold: %s", strings.Join(failed, "; "))
	}
	_, err := fmt.Fprintln(w, "The claim holds.")
	return err
}

func listed(x []float64) string {
	var all []string
	for _, v := range x {
		all = append(all, fmt.Sprintf("%.3f", v))
	}
	return strings.Join(all, ", ")
}
