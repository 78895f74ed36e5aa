package settings

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Seeds reads the setting seeds: a number N for the seeds 1 to N, or a list.
func Seeds(text string) ([]uint64, error) {
	bad := fmt.Errorf("seeds %q: want a number N for the seeds 1 to N, or a list such as 2,7 or 7,", text)
	if !strings.Contains(text, ",") {
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
		if errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("seeds %q: want a number of at most %d, or a list such as 2,7 or 7,", text, math.MaxUint16)
		}
		if err != nil || n == 0 {
			return nil, bad
		}
		var seeds []uint64
		for s := range n {
			seeds = append(seeds, s+1)
		}
		return seeds, nil
	}
	var seeds []uint64
	for _, item := range ParseList(text) {
		s, err := strconv.ParseUint(item, 10, 63)
		if err != nil {
			return nil, bad
		}
		if slices.Contains(seeds, s) {
			return nil, fmt.Errorf("seeds %q: %d is given twice: want each once", text, s)
		}
		seeds = append(seeds, s)
	}
	if len(seeds) == 0 {
		return nil, bad
	}
	return seeds, nil
}

// SeedsText returns some seeds as Seeds reads them.
func SeedsText(seeds []uint64) string {
	count := strconv.Itoa(len(seeds))
	if first, err := Seeds(count); err == nil && slices.Equal(first, seeds) {
		return count
	}
	if len(seeds) == 1 {
		return fmt.Sprint(seeds[0], ",")
	}
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(seeds), "[]")), ",")
}

// Every reads how often something is done, such as 50 (of a run's own counts) or
// 2m (time); both results are zero for never.
func Every(text string) (count int, every time.Duration, err error) {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return n, 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return 0, d, nil
	}
	return 0, 0, fmt.Errorf("%q: want a number (50) or a time (2m)", text)
}
