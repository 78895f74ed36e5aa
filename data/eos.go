package data

// EndsTwice reports whether every line of the text that has words already ended in
// a word <eos>, whose id is eos, before it got its own: then each line ends twice,
// and the second <eos> is no news.
func (s *Split) EndsTwice(eos int32) bool {
	lines, twice, added := 0, 0, int64(0) // that have words; of these, ended twice; <eos> in all
	for i, id := range s.Tokens {
		if id != eos {
			if i+1 < len(s.Tokens) && s.Tokens[i+1] == eos {
				lines++
				if i+2 < len(s.Tokens) && s.Tokens[i+2] == eos {
					twice++
				}
			}
			continue
		}
		added++
	}
	// Empty lines after each line look alike, but have no words <eos>.
	return lines > 0 && twice == lines && added-s.Lines == int64(lines)
}
