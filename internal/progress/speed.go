package progress

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// speed is that of the last seconds.
type speed struct{ marks []mark }

// mark is how far a work had come at a time.
type mark struct {
	at   time.Time
	done int
}

// span is how far back a speed looks.
const span = 5 * time.Second

// add takes a mark, and drops those that are not needed to look back over span.
func (s *speed) add(at time.Time, done int) {
	s.marks = append(s.marks, mark{at, done})
	for len(s.marks) > 2 && at.Sub(s.marks[1].at) >= span {
		s.marks = s.marks[1:]
	}
}

// perSecond is 0 until there is something to tell it from.
func (s *speed) perSecond() float64 {
	if len(s.marks) < 2 {
		return 0
	}
	first, last := s.marks[0], s.marks[len(s.marks)-1]
	return float64(last.done-first.done) / max(last.at.Sub(first.at).Seconds(), 1e-9)
}

// Rate writes a speed to three digits with the plural of its unit, which may be
// empty: "13,300 episodes/s", "2.5 episodes/min".
func Rate(perSecond float64, unit string) string {
	value, per := perSecond, "/s"
	switch {
	case value <= 0 || math.IsNaN(value) || math.IsInf(value, 0):
		value = 0
	case value*60 < 1:
		value, per = value*3600, "/h"
	case value < 1:
		value, per = value*60, "/min"
	}
	return strings.TrimSpace(digits(value)+" "+unit) + per
}

// digits writes a number from 0 on to three digits, with separators.
func digits(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	step := math.Pow(10, math.Floor(math.Log10(v))-2)
	s := strconv.FormatFloat(math.Round(v/step)*step, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Rounded writes a time in seconds to two places or so: "1.2s", "42m", "1h0m".
func Rounded(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
