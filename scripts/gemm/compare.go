package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/engram-lm/engram/internal/cli"
	"github.com/engram-lm/engram/internal/progress"
)

// Pair compares one product in one pair of runs.
type Pair struct {
	Pair    int     `json:"pair"`
	Product string  `json:"product"`
	Threads int     `json:"threads"`
	Ours    float64 `json:"gflops"`
	Peer    float64 `json:"peer_gflops"`
	Ratio   float64 `json:"ratio"`
	Share   float64 `json:"share_of_peak"`
}

// Summary gives the medians over the pairs, and the range of the ratios.
type Summary struct {
	Product  string  `json:"product"`
	Threads  int     `json:"threads"`
	Pairs    int     `json:"pairs"`
	Ours     float64 `json:"gflops_median"`
	Peer     float64 `json:"peer_gflops_median"`
	Ratio    float64 `json:"ratio_median"`
	RatioMin float64 `json:"ratio_min"`
	RatioMax float64 `json:"ratio_max"`
	Share    float64 `json:"share_of_peak_median"`
}

// compare runs itself and the peer in turn.
func (o *options) compare(ctx context.Context, stdout io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	own := []string{
		fmt.Sprint("--rows=", o.rows), fmt.Sprint("--hidden=", o.hidden), fmt.Sprint("--vocab=", o.vocab),
		fmt.Sprint("--threads=", o.threads), fmt.Sprint("--seconds=", o.seconds),
	}
	var pairs []Pair
	enc := json.NewEncoder(stdout)
	var order []string
	for pair := 1; pair <= o.pairs; pair++ {
		ours, err := results(exec.CommandContext(ctx, self, own...))
		if err != nil {
			return err
		}
		// The peer's command is the user's own, and may set variables.
		peers, err := results(exec.CommandContext(ctx, "sh", "-c", o.vs))
		if err != nil {
			return err
		}
		order = order[:0]
		for _, a := range ours {
			i := slices.IndexFunc(peers, func(b Result) bool { return b.Product == a.Product })
			if i < 0 || peers[i].Threads != a.Threads {
				return cli.Usagef("--vs: the peer measured no %s on %s: want the same products and --threads on both sides", a.Product, progress.Count(a.Threads, "thread"))
			}
			p := Pair{pair, a.Product, a.Threads, a.GFLOPS, peers[i].GFLOPS, a.GFLOPS / peers[i].GFLOPS, a.Share}
			if err := enc.Encode(p); err != nil {
				return err
			}
			pairs, order = append(pairs, p), append(order, a.Product)
		}
	}
	for _, product := range order {
		if err := enc.Encode(summarize(product, pairs)); err != nil {
			return err
		}
	}
	return nil
}

func summarize(product string, pairs []Pair) Summary {
	s := Summary{Product: product}
	var ours, peer, ratio, share []float64
	for _, p := range pairs {
		if p.Product != product {
			continue
		}
		s.Threads = p.Threads
		ours, peer, ratio, share = append(ours, p.Ours), append(peer, p.Peer), append(ratio, p.Ratio), append(share, p.Share)
	}
	s.Pairs, s.Ours, s.Peer, s.Share = len(ratio), median(ours), median(peer), median(share)
	s.Ratio, s.RatioMin, s.RatioMax = median(ratio), slices.Min(ratio), slices.Max(ratio)
	return s
}

// results runs a command that prints a JSON object a product.
func results(cmd *exec.Cmd) ([]Result, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", cmd, err, strings.TrimSpace(stderr.String()))
	}
	var all []Result
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var r Result
		switch err := d.Decode(&r); {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case err != nil || r.GFLOPS <= 0:
			return nil, cli.Usagef("%s printed something else than JSON objects with product, threads and gflops", cmd)
		}
		all = append(all, r)
	}
}
