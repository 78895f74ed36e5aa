//go:build ignore

// Check holds what the commands wrote against what it must be; .ci/run calls it.
//
//	check report [--vocab N] [--tokens TRAIN,VALID,TEST] REPORT.JSON MODEL...
//	check perplexity RESULT.JSON
//	check cases EVAL CASES
//	check same RESULT.JSON RESULT.JSON
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) > 2 && args[0] == "report":
		return report(args[1:])
	case len(args) == 2 && args[0] == "perplexity":
		data, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		_, err = score(args[1], data)
		return err
	case len(args) == 3 && args[0] == "cases":
		return cases(args[1], args[2])
	case len(args) == 3 && args[0] == "same":
		return same(args[1], args[2])
	}
	return errors.New("want report [--vocab N] [--tokens A,B,C] FILE MODEL..., perplexity FILE, cases EVAL FOLDER, or same FILE FILE")
}

type interval struct{ Mean, CI95 *float64 }

// report verifies that a report has the arms, in their order, with parameter
// counts within 1.5% of each other and perplexities that were measured.
func report(args []string) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	vocab := flags.Int("vocab", 0, "types of the corpus")
	tokens := flags.String("tokens", "", "tokens of train,valid,test")
	if err := flags.Parse(args); err != nil {
		return err
	}
	file, models := flags.Arg(0), flags.Args()[1:]
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var r struct {
		Command, Version, Data, Preset string
		Arms                           []struct {
			Model                     string
			Hidden, Embedding, Params int
			Seeds                     []struct {
				Seed       uint64
				BestEpoch  int      `json:"best_epoch"`
				ValidPPL   *float64 `json:"valid_ppl"`
				TestPPL    *float64 `json:"test_ppl"`
				TokensPerS *float64 `json:"tokens_per_s"`
			}
			ValidPPL interval `json:"valid_ppl"`
			TestPPL  interval `json:"test_ppl"`
		}
		Dataset struct {
			Vocab int
			Train int `json:"train_tokens"`
			Valid int `json:"valid_tokens"`
			Test  int `json:"test_tokens"`
		}
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if r.Command == "" || r.Version == "" || r.Data == "" || r.Preset == "" {
		return fmt.Errorf("%s: command, version, data or preset is missing", file)
	}
	if len(r.Arms) != len(models) {
		return fmt.Errorf("%s: %d arms; want %v", file, len(r.Arms), models)
	}
	least, most := math.MaxInt, 0
	for i, a := range r.Arms {
		least, most = min(least, a.Params), max(most, a.Params)
		if a.Model != models[i] || a.Hidden < 1 || a.Embedding < 1 || len(a.Seeds) != 1 {
			return fmt.Errorf("%s: arm %d is %+v; want one seed of %s", file, i, a, models[i])
		}
		s := a.Seeds[0]
		for _, ppl := range []*float64{a.ValidPPL.Mean, a.TestPPL.Mean, s.ValidPPL, s.TestPPL} {
			if ppl == nil || !(*ppl > 1 && *ppl < 1e5) {
				return fmt.Errorf("%s: %s has a perplexity that was not measured or cannot be", file, a.Model)
			}
		}
		if s.Seed != 1 || s.BestEpoch < 1 || s.TokensPerS == nil || !(*s.TokensPerS > 0) {
			return fmt.Errorf("%s: %s has the seed %+v", file, a.Model, s)
		}
		fmt.Printf("%s: %d parameters, validation perplexity %.2f, test %.2f, %.0f tokens/s\n",
			a.Model, a.Params, *s.ValidPPL, *s.TestPPL, *s.TokensPerS)
	}
	if float64(least) < 0.985*float64(most) {
		return fmt.Errorf("%s: arms of %d to %d parameters; want them within 1.5%%", file, least, most)
	}
	d := r.Dataset
	if *vocab > 0 && d.Vocab != *vocab {
		return fmt.Errorf("%s: a vocabulary of %d; want %d", file, d.Vocab, *vocab)
	}
	if got := fmt.Sprintf("%d,%d,%d", d.Train, d.Valid, d.Test); *tokens != "" && got != *tokens {
		return fmt.Errorf("%s: %s tokens; want %s", file, got, *tokens)
	}
	return nil
}

type scored struct {
	NLL        float64
	Tokens     int
	Perplexity float64
	BPC        float64
}

// score reads what "eval perplexity --json" printed.
func score(from string, data []byte) (s scored, err error) {
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", from, err)
	}
	if !(s.NLL > 0) || s.Tokens < 1 || !(s.BPC > 0) || !(math.Abs(s.Perplexity/math.Exp(s.NLL)-1) < 1e-9) {
		return s, fmt.Errorf("%s: %s does not fit together", from, data)
	}
	fmt.Printf("%s: %d tokens, perplexity %.4f\n", from, s.Tokens, s.Perplexity)
	return s, nil
}

// cases scores each worked case by the command eval.
func cases(eval, root string) error {
	files, err := filepath.Glob(filepath.Join(root, "*", "expected.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%s: no case in it (%v)", root, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var want struct {
			Batch, BPTT  int
			NLL          float64
			Tokens       int
			NLLBatch1    float64 `json:"nll_batch1"`
			TokensBatch1 int     `json:"tokens_batch1"`
		}
		if err := json.Unmarshal(data, &want); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, w := range []struct {
			batch, tokens int
			nll           float64
		}{{want.Batch, want.Tokens, want.NLL}, {1, want.TokensBatch1, want.NLLBatch1}} {
			dir := filepath.Dir(file)
			c := exec.Command(eval, "perplexity", "--model", filepath.Join(dir, "model"),
				"--text", filepath.Join(dir, "corpus", "train.txt"),
				"--batch", strconv.Itoa(w.batch), "--bptt", strconv.Itoa(want.BPTT), "--json")
			c.Stderr = os.Stderr
			out, err := c.Output()
			if err != nil {
				return fmt.Errorf("%s: %w", c, err)
			}
			got, err := score(filepath.Base(dir), out)
			if err != nil {
				return err
			}
			if got.Tokens != w.tokens || !(math.Abs(got.NLL-w.nll) <= 1e-5) {
				return fmt.Errorf("%s with a batch of %d: NLL %.7f over %d tokens; want %.7f over %d",
					dir, w.batch, got.NLL, got.Tokens, w.nll, w.tokens)
			}
		}
	}
	return nil
}

// same verifies that two programs scored a text alike, to 1e-5 nats.
func same(files ...string) error {
	var all [2]scored
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(data, &all[i]); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	a, b := all[0], all[1]
	if a.Tokens < 2 || a.Tokens != b.Tokens || !(math.Abs(a.NLL-b.NLL) <= 1e-5) {
		return fmt.Errorf("NLL %.7f over %d tokens by %s, %.7f over %d by %s; want the same to 1e-5", a.NLL, a.Tokens, files[0], b.NLL, b.Tokens, files[1])
	}
	fmt.Printf("NLL %.7f and %.7f over %d tokens\n", a.NLL, b.NLL, a.Tokens)
	return nil
}
