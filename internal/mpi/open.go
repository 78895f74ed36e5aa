//go:build mpi

package mpi

/*
#cgo pkg-config: ompi-c
#include <mpi.h>

// The handles are macros, which cgo does not see.
static int allgather(double *own, int n, double *all) {
	return MPI_Allgather(own, n, MPI_DOUBLE, all, n, MPI_DOUBLE, MPI_COMM_WORLD);
}
static int broadcast(void *p, int n) { return MPI_Bcast(p, n, MPI_BYTE, 0, MPI_COMM_WORLD); }
static int rank(int *n) { return MPI_Comm_rank(MPI_COMM_WORLD, n); }
static int size(int *n) { return MPI_Comm_size(MPI_COMM_WORLD, n); }
static void stop(void) { MPI_Abort(MPI_COMM_WORLD, 1); }
static int start(int *level) { return MPI_Init_thread(0, 0, MPI_THREAD_SERIALIZED, level); }
static int serialized(void) { return MPI_THREAD_SERIALIZED; }
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// Available says whether this build has MPI.
const Available = true

// World is the processes of a run. Its calls take turns, from any goroutine; those
// that all processes take part in must come in the same order in each.
type World struct {
	mu         sync.Mutex
	rank, size C.int
}

// Start joins the other processes.
func Start() (*World, error) {
	var level C.int
	w := &World{}
	if err := failed("MPI_Init_thread", C.start(&level)); err != nil {
		return nil, err
	}
	if level < C.serialized() {
		return nil, errors.New("this MPI does not let threads take turns; want one with MPI_THREAD_SERIALIZED")
	}
	return w, errors.Join(failed("MPI_Comm_rank", C.rank(&w.rank)), failed("MPI_Comm_size", C.size(&w.size)))
}

func failed(what string, code C.int) error {
	if code == 0 {
		return nil
	}
	return fmt.Errorf("%s failed with code %d", what, int(code))
}

// Rank returns the number of this process, from 0, and Size how many there are.
func (w *World) Rank() int { return int(w.rank) }
func (w *World) Size() int { return int(w.size) }

// Broadcast returns the message of rank 0; what the others give is not looked at.
func (w *World) Broadcast(message []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var length [8]byte
	if w.rank == 0 {
		binary.LittleEndian.PutUint64(length[:], uint64(len(message)))
	}
	if err := failed("MPI_Bcast", C.broadcast(unsafe.Pointer(&length[0]), 8)); err != nil {
		return nil, err
	}
	if w.rank != 0 {
		message = make([]byte, binary.LittleEndian.Uint64(length[:]))
	}
	if len(message) == 0 {
		return message, nil
	}
	return message, failed("MPI_Bcast", C.broadcast(unsafe.Pointer(&message[0]), C.int(len(message))))
}

// Abort ends all processes.
func (w *World) Abort() { C.stop() }

// Close leaves the others; all must.
func (w *World) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return failed("MPI_Finalize", C.MPI_Finalize())
}

func (w *World) allgather(own, all []float64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return failed("MPI_Allgather", C.allgather((*C.double)(&own[0]), C.int(len(own)), (*C.double)(&all[0])))
}
