package evolve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/genotype"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/settings"
)

// testOptions are those of --test.
type testOptions struct{ dir string }

// testFlags are the flags that go with --test.
var testFlags = []string{"test", "size", "density", "mazes", "seeds", "threads", "json", "quiet"}

// tested is what --test --json prints for a seed.
type tested struct {
	Task     string    `json:"task"`
	Model    string    `json:"model"`
	Seed     uint64    `json:"seed"` // of the mazes and of the agent's draws
	Params   int       `json:"params"`
	Size     int       `json:"size"`
	Density  float64   `json:"density"`
	Mazes    int       `json:"mazes"`
	Metric   string    `json:"metric"`
	Value    float64   `json:"value"`
	Rollouts []float64 `json:"rollouts"`
	Reached  float64   `json:"reached"`
	Random   []float64 `json:"random_rollouts"`
	Optimal  float64   `json:"optimal"`
	Steps    int       `json:"steps"`
}

func (o *testOptions) run(c *cobra.Command) error {
	f := c.Flags()
	if err := cli.NamedPaths(f, "test"); err != nil {
		return err
	}
	var other error
	f.Visit(func(flag *pflag.Flag) {
		for _, known := range testFlags {
			if flag.Name == known {
				return
			}
		}
		other = cli.Usagef("--%s does not go with --test; want some of --size, --density, --mazes, --seeds, --threads, --json, --quiet", flag.Name)
	})
	if other != nil {
		return other
	}
	value := func(name, otherwise string) string {
		if f.Changed(name) {
			return f.Lookup(name).Value.String()
		}
		return otherwise
	}
	kind, n, threads := Mazes{}, 0, 0
	for _, v := range []struct {
		text string
		into any
	}{{value("size", "9"), &kind.Size}, {value("density", "0.3"), &kind.Density}, {value("mazes", "2048"), &n}, {value("threads", "0"), &threads}} {
		if _, err := fmt.Sscan(v.text, v.into); err != nil {
			return cli.Usagef("%q: %w", v.text, err) // a setting's own parser has let it pass
		}
	}
	if err := kind.Validate(); err != nil {
		return &cli.UsageError{Err: err}
	}
	if n < 1 || n > 1<<24 {
		return cli.Usagef("mazes %d: want 1 to %d", n, 1<<24)
	}
	seeds, err := settings.Seeds(value("seeds", "1,"))
	if err != nil {
		return &cli.UsageError{Err: err}
	}
	if err := cli.SetThreads(threads); err != nil {
		return err
	}
	g, err := genotype.Load(o.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("--test: %w", err)
		}
		return err
	}
	if g.Config.Inputs != inputs || g.Config.Outputs != outputs {
		return fmt.Errorf("--test: %s has %d inputs and %d outputs; want %d and %d", o.dir, g.Config.Inputs, g.Config.Outputs, inputs, outputs)
	}
	quiet, asJSON := f.Lookup("quiet").Value.String() == "true", f.Lookup("json").Value.String() == "true"
	for _, seed := range seeds {
		bar := progress.New(c.ErrOrStderr(), quiet, "seed "+strconv.FormatUint(seed, 10), n, "mazes")
		e, err := examine(c.Context(), g, kind, n, seed, nil, bar.Set)
		bar.Clear()
		if c.Context().Err() != nil {
			return &cli.ErrInterrupted{Message: "interrupted before the last maze, so there is no result; run the same command again"}
		}
		if err != nil {
			return err
		}
		t := tested{
			Task: task.Name, Model: g.Config.Model, Seed: seed, Params: g.Config.ParamCount(), Size: kind.Size, Density: kind.Density, Mazes: n,
			Metric: task.Metric.Name, Value: e.intact.Fitness(), Rollouts: e.intact.Rollouts(), Reached: e.intact.Arrived(rollouts - 1),
			Random: e.random.Rollouts(), Optimal: e.optimal, Steps: e.intact.Steps,
		}
		if asJSON {
			err = json.NewEncoder(c.OutOrStdout()).Encode(t)
		} else {
			_, err = fmt.Fprint(c.OutOrStdout(), t.text(g.Config))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// text is the result for a reader.
func (t *tested) text(c genotype.Config) string {
	row := func(name string, scores []float64) string {
		var b strings.Builder
		fmt.Fprintf(&b, "  %-8s", name)
		for _, v := range scores {
			fmt.Fprintf(&b, " %6.2f", v)
		}
		return b.String() + "\n"
	}
	return fmt.Sprintf("%s, %s, %s numbers, on %s of %dx%[5]d, density %v, seed %d\n", c.Model, progress.Count(c.Hidden, "hidden neuron"), progress.Thousands(t.Params), progress.Count(t.Mazes, "maze"), t.Size, t.Density, t.Seed) +
		"mean score of rollouts 1 to 8\n" + row("agent", t.Rollouts) + row("random", t.Random) +
		fmt.Sprintf("optimal %.3f, fitness %.3f, goal reached in the last rollout: %.1f%%\n", t.Optimal, t.Value, 100*t.Reached)
}
