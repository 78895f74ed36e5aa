// Package nearest finds the word that a mistyped one most likely stands for, for
// messages that ask after it.
package nearest

// Word returns the candidate that a mistyped word most likely stands for: the
// first of those that fewest letters inserted, left out, replaced or exchanged with
// the next lead to, a third of the word's at most; empty if there is none.
func Word(word string, candidates []string) string {
	best, least := "", len([]rune(word))/3+1
	for _, c := range candidates {
		if d := distance([]rune(word), []rune(c)); d < least || d == least && d == 1 && best == "" {
			best, least = c, d
		}
	}
	return best
}

// DidYouMean asks for the candidate that is nearest to a word, " (did you mean --lr?)";
// empty if there is none.
func DidYouMean(word, prefix string, candidates []string) string {
	if c := Word(word, candidates); c != "" {
		return " (did you mean " + prefix + c + "?)"
	}
	return ""
}

// distance is the optimal string alignment distance of two words.
func distance(a, b []rune) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row := rows[0], rows[1], rows[2]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 0
			if a[i-1] != b[j-1] {
				change = 1
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		rows[0], rows[1], rows[2] = above, row, before
	}
	return rows[1][len(b)]
}
