package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/engram-lm/engram/internal/checkpoint"
	"github.com/engram-lm/engram/internal/tensorboard"
)

// contents is what a run has left: the files by their slashed paths, the speeds
// taken out.
type contents map[string]string

// gather reads everything under dir. What a speed touches is made the same for
// every speed, and nothing else:
//
//   - the speeds themselves;
//   - the SHA-256 of a training's first lines of metrics.jsonl, which hold speeds, must
//     be theirs, and goes;
//   - size and SHA-256 of a checkpoint's state.json, which holds speeds, become
//     those that it must have, or the checkpoint is refused;
//   - of the checkpoints the newest counts; older ones must be whole. How many
//     stay is told by count.
func gather(dir string) (contents, error) {
	files := contents{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if e.IsDir() {
			if strings.HasPrefix(e.Name(), ".") {
				files[rel+"/"] = ""
			}
			return nil
		}
		b, err := os.ReadFile(name)
		files[rel] = string(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := files.thinCheckpoints(dir); err != nil {
		return nil, err
	}
	timeless := contents{}
	for name, text := range files {
		if timeless[name], err = files.timeless(name, text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return timeless, nil
}

// thinCheckpoints reads every checkpoint and leaves the newest of each training.
func (c contents) thinCheckpoints(dir string) error {
	steps := map[string][]string{} // names of the checkpoints by their parent
	for name := range c {
		if step := path.Dir(name); strings.HasPrefix(path.Base(step), "step-") && !slices.Contains(steps[path.Dir(step)], step) {
			steps[path.Dir(step)] = append(steps[path.Dir(step)], step)
		}
	}
	for parent, names := range steps {
		slices.Sort(names)
		for i, step := range names {
			if _, err := checkpoint.Read(filepath.Join(dir, filepath.FromSlash(step))); err != nil {
				return err
			}
			if i < len(names)-1 {
				maps.DeleteFunc(c, func(name, _ string) bool { return path.Dir(name) == step })
			}
		}
		c[parent+"/"] = fmt.Sprint(len(names), " checkpoints")
	}
	return nil
}

var (
	speed       = regexp.MustCompile(`("(?:tokens_per_s|episodes_per_s|seconds|line_seconds)": ?)(?:null|[-+.0-9eE]+)`)
	account     = regexp.MustCompile(`"metrics_lines":(\d+),"metrics_sha256":"([0-9a-f]*)"`)
	trainee     = regexp.MustCompile(`^(.*)-seed(\d+)$`)
	stateRecord = regexp.MustCompile(`\{"name":"state.json","size":\d+,"sha256":"[0-9a-f]{64}"\}`)
	spaces      = regexp.MustCompile(` +`)
	rule        = regexp.MustCompile(`-{2,}`)
	markdown    = regexp.MustCompile(`\|[^|]*`)
	html        = regexp.MustCompile(`<t[hd][ >].*?</t[hd]>`)
)

// timeless takes the speeds out of a file.
func (c contents) timeless(name, text string) (string, error) {
	switch path.Base(name) {
	case "report.json", "metrics.jsonl":
		return speed.ReplaceAllString(text, "${1}0"), nil
	case "result.json":
		return speed.ReplaceAllString(text, "${1}0"), nil
	case "state.json":
		text, err := c.lines(name, text)
		return speed.ReplaceAllString(text, "${1}0"), err
	case tensorboard.File:
		return untimed(text), nil
	case "manifest.json":
		return stateRecord.ReplaceAllString(text, "{state.json}"), nil
	case "report.md": // whose columns are as wide as what is in them
		return rule.ReplaceAllString(spaces.ReplaceAllString(blank(text, markdown), " "), "--"), nil
	case "report.html":
		return blank(text, html), nil
	}
	return text, nil
}

// untimed takes times and speeds out of an event file, and the sums that they are in:
// each record is a length, its sum, a payload that begins with a byte and the time, and its
// sum. What is left over at the end is torn.
func untimed(events string) string {
	b := []byte(events)
	for rest := b; len(rest) >= 12; {
		end := 12 + binary.LittleEndian.Uint64(rest)
		if end < 21 || end+4 > uint64(len(rest)) {
			break
		}
		clear(rest[13:21])
		clear(rest[end : end+4])
		rest = rest[end+4:]
	}
	const speed = "_per_s\x15" // the end of its name, and the type of four bytes
	for rest := b; ; {
		i := bytes.Index(rest, []byte(speed))
		if i < 0 {
			return string(b)
		}
		rest = rest[i+len(speed):]
		clear(rest[:min(4, len(rest))])
	}
}

// lines verifies what a checkpoint keeps of its training's lines of metrics.jsonl, and
// leaves their number.
func (c contents) lines(name, text string) (string, error) {
	parts := strings.Split(name, "/") // .../run/lstm-seed1/checkpoints/step-00000004/state.json
	if len(parts) < 4 {
		return text, nil
	}
	who := trainee.FindStringSubmatch(parts[len(parts)-4])
	if who == nil {
		return text, nil
	}
	own := fmt.Sprintf(`{"model":%q,"seed":%s,`, who[1], who[2])
	var failed error
	text = account.ReplaceAllStringFunc(text, func(match string) string {
		said := account.FindStringSubmatch(match)
		n, err := strconv.Atoi(said[1])
		sum, left := sha256.New(), n
		for line := range strings.Lines(c[strings.Join(parts[:len(parts)-4], "/")+"/metrics.jsonl"]) {
			if left > 0 && strings.HasPrefix(line, own) {
				sum.Write([]byte(line))
				left--
			}
		}
		if err != nil || left > 0 || hex.EncodeToString(sum.Sum(nil)) != said[2] {
			failed = fmt.Errorf("%s: those are not the training's first lines of metrics.jsonl", match)
		}
		return fmt.Sprintf(`"metrics": %d lines`, n)
	})
	return text, failed
}

// timed heads a column of times or speeds.
var timed = regexp.MustCompile(`\b[a-z]+/s\b|\btime\b`)

// blank empties the cells under speeds and times in the tables of a report.
func blank(text string, cell *regexp.Regexp) string {
	var b bytes.Buffer
	column := -1
	for line := range strings.Lines(text) {
		cells := cell.FindAllStringIndex(line, -1)
		if len(cells) == 0 && (cell != html || strings.Contains(line, "</table>")) {
			column = -1
		}
		head := slices.IndexFunc(cells, func(at []int) bool { return timed.MatchString(line[at[0]:at[1]]) })
		switch {
		case head >= 0:
			column = head
		case 0 <= column && column < len(cells) && !strings.Contains(line, "---"):
			line = line[:cells[column][0]] + line[cells[column][1]:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// same reports the first differences between what two runs have left.
func (c contents) same(got contents) error {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		text, ok := got[name]
		switch {
		case !ok:
			wrong = append(wrong, name+" is missing")
		case text != c[name]:
			wrong = append(wrong, fmt.Sprintf("%s differs: %s", name, difference(c[name], text)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := c[name]; !ok {
			wrong = append(wrong, name+" is left over")
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d differences to the uninterrupted run: %s", len(wrong), strings.Join(wrong[:min(len(wrong), 5)], "; "))
	}
	return nil
}

// difference shows where two texts part.
func difference(want, got string) string {
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	excerpt := func(s string) string { return s[max(0, i-20):min(len(s), i+20)] }
	return fmt.Sprintf("%d bytes, want %d, and from byte %d %q, want %q", len(got), len(want), i, excerpt(got), excerpt(want))
}
