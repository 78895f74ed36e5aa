package score

import "slices"

// Where a memory helps: losses by what the reader could remember of a word.

// By says by what the losses of a text are divided.
type By string

const (
	// Position is the place of the word in its stream, the first being 1.
	Position By = "position"
	// Frequency is how often the word was seen before in its stream.
	Frequency By = "frequency"
	// Recency is how many words ago it was seen last in its stream, the word before
	// being 1; 0 if never.
	Recency By = "recency"
)

// AllBy lists them.
var AllBy = []By{Position, Frequency, Recency}

// Group are the words of a text for which a number lies between From and To.
type Group struct {
	From   int     `json:"from"`
	To     int     `json:"to"`
	Tokens int     `json:"tokens"` // at least 1
	NLL    float64 `json:"nll"`    // mean, in nats
}

// Groups divides the losses of tokens, read in batch streams, by what the reader
// could remember. Groups without words are left out.
func Groups(by By, tokens []int32, batch int, losses Losses) []Group {
	sums := map[int]*Group{}
	length := len(tokens) / batch
	for b := range batch {
		last, count := map[int32]int{}, map[int32]int{}
		for t, token := range tokens[b*length : (b+1)*length] {
			if t > 0 {
				var number int
				switch at, seen := last[token]; {
				case by == Position:
					number = t + 1
				case by == Frequency:
					number = count[token]
				case seen:
					number = t - at
				}
				from, to := bounds(by, number)
				g := sums[from]
				if g == nil {
					g = &Group{From: from, To: to}
					sums[from] = g
				}
				g.Tokens++
				g.NLL += losses[b*(length-1)+t-1]
			}
			last[token] = t
			count[token]++
		}
	}
	var groups []Group
	for _, g := range sums {
		g.NLL /= float64(g.Tokens)
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(g, h Group) int { return g.From - h.From })
	return groups
}

// bounds returns the group that a number falls into: 0 alone; then decades, 1 to 10,
// 11 to 100, for positions; thirds of decades, 1 to 3, 4 to 10, 11 to 30, for what
// came before; octaves, 1, 2 and 3, 4 to 7, for counts.
func bounds(by By, number int) (from, to int) {
	if number == 0 {
		return 0, 0
	}
	if by == Frequency {
		for from = 1; number >= 2*from; from *= 2 {
		}
		return from, 2*from - 1
	}
	from = 1
	for decade := 10; ; decade *= 10 {
		if by == Recency {
			if third := 3 * decade / 10; number <= third {
				return from, third
			} else {
				from = third + 1
			}
		}
		if number <= decade {
			return from, decade
		}
		from = decade + 1
	}
}
