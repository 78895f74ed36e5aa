package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/engram-lm/engram/data/omniglot"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/report"
	"github.com/engram-lm/engram/internal/rng"
)

// Every example of every help text runs as it stands, one after the other, in the
// folder of one who has trained on the sample and on Penn Treebank and fetched images
// and characters; but trainings, which take minutes to days, are given flags beside
// their own that make them take a moment.
func TestExamples(t *testing.T) {
	t.Parallel()
	dir := exampleFolder(t)
	exe, err := os.Executable()
	must(t, err)
	root := command()
	ran := 0
	for _, c := range append(root.Commands(), root) {
		for line := range strings.SplitSeq(c.Example, "\n") {
			stdin, line := piped(strings.TrimSpace(line))
			text, ok := strings.CutPrefix(line, "go run ./eval ")
			if !ok {
				if line != "" && !strings.HasPrefix(line, "#") {
					t.Errorf("%s: an example that is no command: %s", c.Name(), line)
				}
				continue
			}
			ran++
			args := words(text)
			learns := c.Flags().Lookup("episodes") != nil
			switch {
			case learns && flag(args, "--test") != "":
				args = append(args, "--mazes", "2")
			case learns && flag(args, "--resume") != "":
				args = append(args, "--episodes", "4")
			case learns:
				moment, ok := moments[c.Name()]
				if !ok {
					t.Errorf("%s: no flags that make a training take a moment", c.Name())
				}
				args = append(append(args, "--episodes", "3"), strings.Fields(moment)...)
			}
			run := exec.Command(exe, args...)
			run.Dir, run.Stdin = dir, strings.NewReader(stdin)
			run.Env = append(os.Environ(), asCommand+"=1", "HOME="+t.TempDir(), "XDG_CACHE_HOME=")
			var out, errs bytes.Buffer
			run.Stdout, run.Stderr = &out, &errs
			if err := run.Run(); err != nil || out.Len() == 0 {
				t.Errorf("%s: %v: %s%s", line, err, &out, &errs)
			}
		}
	}
	if ran < 25 {
		t.Errorf("%d examples", ran)
	}
}

// moments are the flags of each task that make a training take a moment.
var moments = map[string]string{
	"bandit":   "--trials 60 --hidden 3 --past 3 --past-train 5 --free 3 --nudged 3 --steps 2",
	"cue":      "--test-episodes 2 --hidden 3 --batch 2 --steps 20",
	"evolve":   "--test-episodes 2 --hidden 2 --population 4 --mazes 1 --validation-mazes 2",
	"fewshot":  "--test-episodes 2 --features 2 --queries 2 --meta-batch 1 --free 2 --nudged 2",
	"hyper":    "--inputs 4 --relevant 2 --classes 3 --hidden 2 --train 6 --held-out 6 --test 6 --free 5 --nudged 3",
	"images":   "--test-episodes 2 --side 4",
	"maze":     "--test-episodes 2 --hidden 3 --batch 2 --steps 20",
	"omniglot": "--test-episodes 2 --features 2",
	"patterns": "--test-episodes 2 --bits 4 --extra 3 --lstm-hidden 3",
	"sinusoid": "--test-episodes 2 --hidden 3 --meta-batch 1 --free 4 --nudged 3 --spiking 4",
}

// exampleFolder makes the folder.
func exampleFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range map[string]string{"runs/sample-1/lstm": lstmCase, "runs/sample-1/modulated": modulatedCase, "runs/ptb-small-1/modulated": modulatedCase, "runs/ptb-small-1/lstm": lstmCase} {
		must(t, os.CopyFS(filepath.Join(dir, name+"-seed1", "best"), os.DirFS(from+"/model")))
	}
	for i, name := range []string{"sample-1", "sample-2", "low", "high"} {
		r := report.Report{Arms: []report.Arm{{Model: "lstm", Seeds: []report.Seed{{Seed: uint64(i / 2), TestPPL: 100 + float64(i)}}}}}
		must(t, os.MkdirAll(filepath.Join(dir, "runs", name), 0o777))
		must(t, r.Write(filepath.Join(dir, "runs", name)))
	}
	for i, name := range []string{"maze-1", "maze-2"} {
		s := report.Study{Task: "maze", Metric: report.Metric{Name: "reward"}, Models: []report.StudyArm{{Model: "lstm", Seeds: []report.StudySeed{{Seed: uint64(i), Value: 3}}}}}
		must(t, os.MkdirAll(filepath.Join(dir, "runs", name), 0o777))
		must(t, s.Write(filepath.Join(dir, "runs", name)))
	}
	must(t, os.CopyFS(filepath.Join(dir, "my/corpus"), os.DirFS(lstmCase+"/corpus")))
	must(t, os.WriteFile(filepath.Join(dir, "letters.txt"), []byte("w2 w10 w3\nw4\n"), 0o666))
	sets := filepath.Join(dir, "data", "sets")
	for _, name := range []string{"ptb", "cifar-10", "omniglot-small"} {
		must(t, os.MkdirAll(filepath.Join(sets, name), 0o777))
	}
	for _, split := range []string{"train", "valid", "test"} {
		b, err := os.ReadFile(lstmCase + "/corpus/" + split + ".txt")
		must(t, err)
		must(t, os.WriteFile(filepath.Join(sets, "ptb", "ptb."+split+".txt"), b, 0o666))
	}
	noise := rng.New(1, "images")
	images := make([]byte, 50*(1+3*32*32))
	for i := range images {
		images[i] = byte(noise.IntN(10)) // labels are such
	}
	must(t, os.WriteFile(filepath.Join(sets, "cifar-10", "data_batch_1.bin"), images, 0o666))
	for part, name := range []string{"images_background_small1.zip", "images_background_small2.zip"} {
		must(t, os.WriteFile(filepath.Join(sets, "omniglot-small", name), characters(t, part), 0o666))
	}
	return dir
}

// characters is a zip of 121, half of what omniglot-small has: each is a stroke at a
// height of its own that leans with the drawing.
func characters(t *testing.T, part int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for c := range 121 {
		for d := range omniglot.Drawings {
			img := image.NewGray(image.Rect(0, 0, 105, 105))
			for i := range img.Pix {
				img.Pix[i] = 255
			}
			for x := range 80 {
				img.SetGray(12+x, 10+c%50+(20*part+10*(c/50)+d)*x/80, color.Gray{})
			}
			f, err := w.Create(fmt.Sprintf("images/Alphabet_%d/character%02d/%04d_%02d.png", part, c+1, c+1, d+1))
			must(t, err)
			must(t, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(f, img))
		}
	}
	must(t, w.Close())
	return b.Bytes()
}

// flag returns the value of a flag among arguments.
func flag(args []string, name string) string {
	for i := range len(args) - 1 {
		if args[i] == name {
			return args[i+1]
		}
	}
	return ""
}

// piped takes the text that echo gives a command from before it.
func piped(line string) (stdin, command string) {
	if echo, rest, ok := strings.Cut(line, " | "); ok {
		if text, ok := strings.CutPrefix(echo, "echo "); ok {
			return strings.Trim(text, `"`) + "\n", rest
		}
	}
	return "", line
}

// words are the arguments that a shell makes of a line.
func words(line string) (args []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			args = append(args, part)
		} else {
			args = append(args, strings.Fields(part)...)
		}
	}
	return args
}

// A word that is near to a flag or a task is asked for.
func TestDidYouMean(t *testing.T) {
	for want, args := range map[string][]string{
		"(did you mean --seeds?)":    {"patterns", "--seed", "3"},
		"(did you mean --episodes?)": {"patterns", "--episode", "3"},
		"(did you mean --text?)":     {"perplexity", "--txt", "f"},
		"(did you mean perplexity?)": {"perplexty"},
		"(did you mean plastic?)":    {"cue", "--models", "rnn,plastc"},
		"(did you mean paper?)":      {"cue", "--preset", "papr"},
		"(did you mean trace_clip?)": {"cue", "--set", "trace-clop=2"},
		"(did you mean cifar-10?)":   {"images", "--data", "cifar10"},
		"(did you mean sample?)":     {"perplexity", "--model", lstmCase + "/model", "--data", "smaple"},
	} {
		fail(t, cli.Usage, []string{want}, args...)
	}
	// What is counted goes by its name too.
	for _, flag := range []string{"--updates", "--episodes"} {
		fail(t, cli.Usage, []string{"episodes 0: want 1"}, "cue", flag, "0")
	}
	fail(t, cli.Usage, []string{"unknown flag"}, "patterns", "--updates", "3")
	if help := succeed(t, "cue", "--help"); !strings.Contains(help, "training updates, an optimiser step each") {
		t.Error(help)
	}
}
