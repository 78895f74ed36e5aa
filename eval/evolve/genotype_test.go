package evolve

import (
	"context"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/engram-lm/engram/internal/genotype"
)

// A genotype that the authors of [1] publish scores here what it scored in a
// program of its own, written from the equations: mean score of rollouts 1 to 8 on
// 2,048 mazes, standard errors up to .027. It is not part of the repository: the
// test runs where it lies beside the checkout.
func TestPublishedGenotype(t *testing.T) {
	const dir = "../../../shared/genotypes/published-demo"
	if _, err := os.Stat(dir); err != nil {
		t.Logf("NOT RUN: no folder %s", dir)
		return
	}
	g, err := genotype.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	const n = 2048
	for _, c := range []struct {
		mazes   Mazes
		want    [rollouts]float64
		reached float64
	}{
		{Mazes{9, 0.30}, [...]float64{-.40, .36, .70, .75, .77, .79, .78, .79}, .991},
		{Mazes{15, 0.35}, [...]float64{-1.26, -.52, .16, .29, .38, .41, .42, .43}, .946},
		{Mazes{21, 0.35}, [...]float64{-1.60, -1.08, -.38, -.23, -.12, -.08, -.08, -.10}, .813},
	} {
		t.Run(fmt.Sprint(c.mazes.Size), func(t *testing.T) {
			l, err := Score(context.Background(), g, c.mazes.heldOut(n, 1, "report"), Intact, 1, "report", func(int) {})
			if err != nil {
				t.Fatal(err)
			}
			for k, got := range l.Rollouts() {
				if !(math.Abs(got-c.want[k]) <= 0.05) {
					t.Errorf("rollout %d: score %.3f, want %.2f within .05", k+1, got, c.want[k])
				}
			}
			if got := l.Arrived(rollouts - 1); !(math.Abs(got-c.reached) <= 0.02) {
				t.Errorf("%.3f reached, want %.3f within .02", got, c.reached)
			}
			t.Logf("%.3f %d steps", l.Rollouts(), l.Steps)
		})
	}
}
