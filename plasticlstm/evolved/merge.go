package evolved

import (
	"fmt"

	"github.com/engram-lm/engram/lstm"
)

// Uniform draws from [0, 1).
type Uniform interface{ Float64() float64 }

// Merge makes a clustered network of a full one, as [1] does when it has evolved that:
// the connections of a matrix fall into clusters by k-means on their four numbers, 2H
// clusters of W_h and H + I of W_x (or one a connection, where those are fewer), and
// every connection's numbers become its cluster's mean. It returns the network, whose
// clusters stay what they are, and its parameters, which may evolve further. draws are
// what the search for clusters begins with.
func Merge[F lstm.Float](net *Net, params [][]F, draws Uniform) (*Net, [][]F, error) {
	if net.opt.Rule != Full {
		return nil, nil, fmt.Errorf("evolved: a merge of rule %q: want %q", net.opt.Rule, Full)
	}
	byName := map[string][]F{}
	for i, p := range net.Params() {
		byName[p.Name] = params[i]
	}
	c := &Clusters{}
	c.HH, c.NHH = merge("hh", byName, 2*net.hidden, draws)
	c.IH, c.NIH = merge("ih", byName, net.hidden+net.in, draws)
	opt := net.opt
	opt.Rule, opt.Clusters = Clustered, c
	merged, err := New(net.in, net.hidden, net.out, opt)
	if err != nil {
		return nil, nil, err
	}
	var all [][]F
	for _, p := range merged.Params() {
		all = append(all, append([]F{}, byName[p.Name]...))
	}
	return merged, all, nil
}

// merge clusters the connections of a matrix and puts the clusters' means in the place
// of its numbers.
func merge[F lstm.Float](matrix string, byName map[string][]F, clusters int, draws Uniform) (of []int, n int) {
	points := make([][4]float64, len(byName[matrix+".a"]))
	for k, term := range terms {
		for i, v := range byName[matrix+"."+term] {
			points[i][k] = float64(v)
		}
	}
	of, means := kMeans(points, min(clusters, len(points)), draws)
	for k, term := range terms {
		values := make([]F, len(means))
		for c, mean := range means {
			values[c] = F(mean[k])
		}
		byName[matrix+"."+term] = values
	}
	return of, len(means)
}

// rounds is how often k-means moves its means at most.
const rounds = 300

// kMeans cuts points into k clusters, 1 to as many as there are points, so that the
// squares of their distances from the clusters' means are as small as moving points and
// means in turn makes them (Lloyd 1982). It begins at points drawn one after the other
// with the squares of their distances from those before as weights (k-means++, Arthur
// and Vassilvitskii 2007). A mean that loses all its points stays where it is.
func kMeans(points [][4]float64, k int, draws Uniform) (of []int, means [][4]float64) {
	of, gap := make([]int, len(points)), make([]float64, len(points))
	for i := range gap {
		gap[i] = 1
	}
	for c := range k {
		next := pick(gap, draws)
		means = append(means, points[next])
		for i, p := range points {
			if d := distance(p, points[next]); c == 0 || d < gap[i] {
				gap[i], of[i] = d, c
			}
		}
	}
	for range rounds {
		sums, n := make([][4]float64, k), make([]float64, k)
		for i, p := range points {
			n[of[i]]++
			for t, v := range p {
				sums[of[i]][t] += v
			}
		}
		for c := range means {
			for t := range means[c] {
				if n[c] > 0 {
					means[c][t] = sums[c][t] / n[c]
				}
			}
		}
		moved := false
		for i, p := range points {
			nearest, least := of[i], distance(p, means[of[i]])
			for c, mean := range means {
				if d := distance(p, mean); d < least {
					nearest, least = c, d
				}
			}
			moved = moved || nearest != of[i]
			of[i] = nearest
		}
		if !moved {
			break
		}
	}
	return of, means
}

// pick draws an index with weights; the last one with a weight if rounding leaves none,
// and the first if all weights are zero.
func pick(weights []float64, draws Uniform) (last int) {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	u := draws.Float64() * sum
	for i, w := range weights {
		if w == 0 {
			continue
		}
		last = i
		if u -= w; u < 0 {
			break
		}
	}
	return last
}

// distance is squared.
func distance(a, b [4]float64) (sum float64) {
	for t, v := range a {
		sum += (v - b[t]) * (v - b[t])
	}
	return sum
}
