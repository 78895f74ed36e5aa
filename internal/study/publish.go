package study

import (
	"fmt"
	"slices"

	"github.com/engram-lm/engram/internal/report"
)

// finished returns the results [arm][seed] of the trainings that are at their end
// already, nil for the others, and how many there are. It tells of those that their
// time has ended.
func (r *run) finished() (results [][]*result, done int, err error) {
	for i := range r.arms {
		of := make([]*result, len(r.seeds))
		for k, seed := range r.seeds {
			j := &job{run: r, arm: &r.arms[i], seed: seed}
			res, err := j.result()
			if err != nil {
				return nil, 0, fmt.Errorf("%s, seed %d: %w", j.arm.Model, seed, err)
			}
			if res != nil && res.final(r.end) {
				of[k] = res
				done++
				if res.cut(r.end) {
					r.log.Printf("%s has had its %s: raise --max-time to go on", j.name(), r.common.MaxTime)
				}
			}
		}
		results = append(results, of)
	}
	return results, done, nil
}

// publish writes the report of the results, where done of them are not nil. One of
// a run that is not complete says so.
func (r *run) publish(results [][]*result, done int) (*report.Study, error) {
	rep, err := r.report(results)
	if err != nil {
		return nil, err
	}
	if all := len(r.arms) * len(r.seeds); done < all {
		note := fmt.Sprintf("This run is not complete: %d of its %d trainings are finished, and the report is of those alone.", done, all)
		rep.Notes = append(slices.Clip(rep.Notes), note)
	}
	return rep, rep.Write(r.dir)
}
