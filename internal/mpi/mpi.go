// Package mpi lets several processes, on one machine or many, take part in one
// run: each knows its rank, and they tell each other numbers and messages.
//
// It stands on Open MPI and is there in builds with -tags mpi, which need cgo and
// Open MPI's headers (on Debian: apt-get install openmpi-bin libopenmpi-dev). In
// other builds Available is false and a world is one process; a command must not
// go on then if it was launched as several, see Check.
package mpi

import (
	"fmt"
	"os"
	"strconv"
)

// counts are the variables in which launchers tell how many processes there are:
// mpirun of Open MPI and of MPICH, and a step of Slurm.
var counts = []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}

// Launched returns how many processes this one was launched with, itself included;
// 1 without a launcher.
func Launched() int { return launched(os.Getenv) }

func launched(getenv func(string) string) int {
	for _, name := range counts {
		if n, err := strconv.Atoi(getenv(name)); err == nil && n > 0 {
			return n
		}
	}
	return 1
}

// Check reports why a command cannot go on that was launched as so many processes
// and told to expect asked of them; 0 stands for not told. build is how to build it,
// shared says whether several processes can take part in it.
func Check(command, build string, shared, told bool, asked, launched int) error {
	return check(Available, command, build, shared, told, asked, launched)
}

func check(available bool, command, build string, shared, told bool, asked, launched int) error {
	switch {
	case told && asked < 1:
		return fmt.Errorf("--ranks %d: want at least 1", asked)
	case !available && (told || launched > 1):
		return fmt.Errorf("this build has no MPI for %s; build it with: %s (Debian: apt-get install openmpi-bin libopenmpi-dev)", processes(max(launched, asked)), build)
	case told && asked != launched:
		return fmt.Errorf("--ranks %d: this was launched as %s; want mpirun -n %d, or another number", asked, processes(launched), asked)
	case launched > 1 && !shared:
		return fmt.Errorf("%s takes one process and was launched as %d; want it without mpirun or srun, or with one task", command, launched)
	}
	return nil
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// Share completes x [n], of which each process has set the elements whose number
// leaves its rank when divided by the number of processes. Every process gets the
// same bits.
func (w *World) Share(x []float64) error {
	size := w.Size()
	if size == 1 {
		return nil
	}
	each := (len(x) + size - 1) / size
	own, all := make([]float64, each), make([]float64, each*size)
	for k, i := 0, w.Rank(); i < len(x); k, i = k+1, i+size {
		own[k] = x[i]
	}
	if err := w.allgather(own, all); err != nil {
		return err
	}
	for i := range x {
		x[i] = all[i%size*each+i/size]
	}
	return nil
}
