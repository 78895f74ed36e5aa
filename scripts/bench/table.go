package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/engram-lm/engram/internal/atomicfile"
	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/kernel"
	"github.com/engram-lm/engram/internal/progress"
	"github.com/engram-lm/engram/internal/stats"
)

// A tableRow has a name and the flags of its runs.
type tableRow struct {
	name  string
	flags []string
}

// tableRows are the rows of --table.
var tableRows = []tableRow{
	{"lstm", []string{"--model=lstm"}},
	{"plastic, per neuron", []string{"--model=plastic"}},
	{"modulated, per neuron", []string{"--model=modulated"}},
	{"retroactive, per neuron", []string{"--model=retroactive"}},
	{"modulated, per connection", []string{"--model=modulated", "--alpha=connection", "--rate=connection"}},
	{"lstm, one core", []string{"--model=lstm", "--threads=1"}},
	{"modulated, per neuron, one core", []string{"--model=modulated", "--threads=1"}},
}

// tableHead is above the rows.
const tableHead = `| training step | f32 | bf16 | f32 at %s | PyTorch | f32 / before | bf16 / before | f32 / PyTorch | MB: f32, bf16, before, PyTorch |
| --- | --: | --: | --: | --: | --- | --- | --- | --- |
`

// table measures the rows of --rows and puts them into the Markdown file of
// --table, under the name of the processor: what is there of other rows and of other
// processors stays.
func (o *options) table(ctx context.Context, stdout io.Writer) error {
	names := strings.Split(o.rows, ";")
	if o.rows != "" {
		for _, name := range names {
			if !slices.ContainsFunc(tableRows, func(r tableRow) bool { return r.name == name }) {
				return cli.Usagef("--rows %q: there is no row %q; want some of the table's first column, with ; between them", o.rows, name)
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	before, remove, err := buildAt(ctx, o.at)
	if err != nil {
		return err
	}
	defer remove()
	for _, row := range tableRows {
		if o.rows != "" && !slices.Contains(names, row.name) {
			continue
		}
		line, err := o.measureRow(ctx, self, before, row.name, row.flags)
		if err != nil {
			return err
		}
		fmt.Fprint(stdout, line)
		text, err := os.ReadFile(o.tableFile)
		if err != nil {
			return err
		}
		text = putRow(string(text), processor(), fmt.Sprintf(tableHead, o.at), row.name, line)
		if err := atomicfile.WriteBytes(o.tableFile, text); err != nil {
			return err
		}
	}
	return nil
}

// measureRow runs the four in turn, as many times as there are pairs.
func (o *options) measureRow(ctx context.Context, self, before, name string, flags []string) (string, error) {
	steps := []string{"--json", fmt.Sprintf("--steps=%d", o.steps), fmt.Sprintf("--warmup=%d", o.warmup)}
	ours := func(path string, more ...string) *exec.Cmd {
		return exec.CommandContext(ctx, path, slices.Concat(steps, flags, more)...)
	}
	var speed, memory [4][]float64
	for range o.pairs {
		for i, cmd := range []*exec.Cmd{
			ours(self), ours(self, "--precision=bf16"), ours(before),
			exec.CommandContext(ctx, "sh", "-c", o.peer+" "+strings.Join(flags, " ")),
		} {
			figure, mb, err := o.speed(cmd)
			if err != nil {
				return "", err
			}
			speed[i], memory[i] = append(speed[i], figure), append(memory[i], mb)
		}
	}
	ratio := func(a, b int) string {
		var all []float64
		for i := range speed[a] {
			all = append(all, speed[a][i]/speed[b][i])
		}
		return fmt.Sprintf("%.2f (%.2f to %.2f)", stats.Median(all), slices.Min(all), slices.Max(all))
	}
	line := "| " + name
	for _, s := range speed {
		line += fmt.Sprintf(" | %.0f", stats.Median(s))
	}
	line += " | " + ratio(0, 2) + " | " + ratio(1, 2) + " | " + ratio(0, 3) + " | "
	for i, m := range memory {
		if i > 0 {
			line += ", "
		}
		line += fmt.Sprintf("%.0f", stats.Median(m))
	}
	return line + " |\n", nil
}

// buildAt builds this command as it was at a commit, and returns its path and what
// removes it again.
func buildAt(ctx context.Context, commit string) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "bench-at")
	if err != nil {
		return "", nil, err
	}
	tree := filepath.Join(dir, "tree")
	remove = func() {
		exec.Command("git", "worktree", "remove", "--force", tree).Run()
		os.RemoveAll(dir)
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "bench"), "./scripts/bench")
	build.Dir = tree
	for _, cmd := range []*exec.Cmd{exec.CommandContext(ctx, "git", "worktree", "add", "--quiet", "--detach", tree, commit), build} {
		if out, err := cmd.CombinedOutput(); err != nil {
			remove()
			return "", nil, fmt.Errorf("--at %s: %s: %w: %s", commit, cmd, err, strings.TrimSpace(string(out)))
		}
	}
	return filepath.Join(dir, "bench"), remove, nil
}

// processor names the processor as a heading does: brands of virtual machines say
// little, family and model which one it is.
func processor() string {
	return fmt.Sprintf("%s (family %d, model %d), %s, %s", cpuid.CPU.BrandName, cpuid.CPU.Family, cpuid.CPU.Model,
		progress.Count(kernel.Workers(), "core"), kernel.LevelOf(kernel.BF16))
}

// marks begin and end the tables in the file.
const (
	tableBegin = "<!-- bench --table begins -->\n"
	tableEnd   = "<!-- bench --table ends -->\n"
)

// putRow returns the text with a row in the table of a processor, in the place of
// the row of that name or at the end. A table begins with its processor's heading; a
// text without tables gets the first one at its end.
func putRow(text, processor, head, name, line string) []byte {
	if !strings.Contains(text, tableBegin) {
		text += "\n" + tableBegin + tableEnd
	}
	heading := "\n### " + processor + "\n\n"
	if !strings.Contains(text, heading+head) {
		if at := strings.Index(text, heading); at >= 0 { // held against another commit
			next := strings.Index(text[at+1:], "\n### ")
			if end := strings.Index(text[at:], tableEnd); next < 0 || end < next {
				next = end - 1
			}
			text = text[:at] + text[at+1+next:]
		}
		text = strings.Replace(text, tableEnd, heading+head+tableEnd, 1)
	}
	at := strings.Index(text, heading+head) + len(heading+head)
	rows := text[at:]
	for before := 0; ; {
		rest := rows[before:]
		end := strings.Index(rest, "\n") + 1
		switch {
		case !strings.HasPrefix(rest, "| "):
			return []byte(text[:at+before] + line + rest)
		case strings.HasPrefix(rest, "| "+name+" |"):
			return []byte(text[:at+before] + line + rest[end:])
		}
		before += end
	}
}
