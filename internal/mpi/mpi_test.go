package mpi

import (
	"strings"
	"testing"
)

func TestLaunched(t *testing.T) {
	for want, env := range map[int]map[string]string{
		1: {}, 2: {"OMPI_COMM_WORLD_SIZE": "2"}, 3: {"SLURM_STEP_NUM_TASKS": "3"}, 4: {"PMI_SIZE": "4"},
		5: {"OMPI_COMM_WORLD_SIZE": "5", "SLURM_STEP_NUM_TASKS": "1"}, // mpirun within a batch script
	} {
		if got := launched(func(name string) string { return env[name] }); got != want {
			t.Errorf("%v: launched as %d, want %d", env, got, want)
		}
	}
	for _, bad := range []string{"x", "0", "-2", ""} {
		if got := launched(func(string) string { return bad }); got != 1 {
			t.Errorf("%q: launched as %d, want 1", bad, got)
		}
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		available, shared, told bool
		asked, launched         int
		says                    string // nothing: it may go on
	}{
		"alone":                 {false, false, false, 0, 1, ""},
		"launched, no MPI":      {false, true, false, 0, 2, "-tags mpi"},
		"told, no MPI":          {false, true, true, 1, 1, "no MPI for 1 process; build it with: go build -tags mpi ./eval"},
		"nonsense, no MPI":      {false, true, true, -1, 1, "at least 1"},
		"as told":               {true, true, true, 2, 2, ""},
		"not as told":           {true, true, true, 3, 2, "launched as 2 processes; want mpirun -n 3"},
		"told, not launched":    {true, true, true, 3, 1, "launched as 1 process; want"},
		"told nonsense":         {true, true, true, 0, 1, "at least 1"},
		"launched, not told":    {true, true, false, 0, 2, ""},
		"launched, cannot":      {true, false, false, 0, 2, "one process"},
		"launched alone, alone": {true, false, true, 1, 1, ""},
	} {
		err := check(c.available, "eval", "go build -tags mpi ./eval", c.shared, c.told, c.asked, c.launched)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// A world of one process, with MPI too: a share is all there is, and a message is
// one's own.
func TestAlone(t *testing.T) {
	w, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{1, 2, 3}
	if err := w.Share(x); err != nil || x[2] != 3 || w.Size() != 1 || w.Rank() != 0 {
		t.Errorf("%v, %v, rank %d of %d", x, err, w.Rank(), w.Size())
	}
	for _, message := range []string{"a", ""} {
		if b, err := w.Broadcast([]byte(message)); err != nil || string(b) != message {
			t.Errorf("%q, %v", b, err)
		}
	}
	all := make([]float64, 3)
	if err := w.allgather(x, all); err != nil || all[1] != 2 {
		t.Errorf("%v, %v", all, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
