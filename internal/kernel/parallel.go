package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers is the number of scratch slots, fixed at start; tests change it.
var workers = runtime.GOMAXPROCS(0)

// Workers returns the number of scratch slots that ParallelWorkers hands out. It
// does not change while the program runs.
func Workers() int { return workers }

// share is how many tasks of one call may run at a time; 0 is no bound of its own.
var share atomic.Int64

// Share lets at most n tasks of each call of Parallel run at a time from now on, so
// that several computations, each on a goroutine of its own, leave one another
// their cores; 0 lifts the bound. It changes no result.
func Share(n int) { share.Store(int64(max(n, 0))) }

// width returns how many of n tasks of a call may run at a time.
func width(n int) int {
	if own := int(share.Load()); own > 0 {
		n = min(n, own)
	}
	if n = min(n, workers); n > 1 {
		n = min(n, runtime.GOMAXPROCS(0))
	}
	return n
}

// Parallel runs f(0) to f(n-1), each once, in any order, on the calling goroutine
// and on idle workers, and returns when all are done. At most min(Workers(),
// GOMAXPROCS) tasks run at a time, and no more than Share allows. Calls may be
// nested and made from several goroutines. If a task panics, the tasks not yet
// begun are dropped and Parallel panics with the same value.
func Parallel(n int, f func(i int)) {
	wide := width(n)
	if wide <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	j := newJob()
	j.plain = f
	j.start(n, wide)
}

// ParallelWorkers is Parallel for tasks that need scratch memory: worker, in
// [0, Workers()), is held by one running task of this call at a time. Tasks of
// other calls, nested ones included, may carry the same number.
func ParallelWorkers(n int, f func(worker, i int)) {
	wide := width(n)
	if wide <= 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	j := newJob()
	j.slotted = f
	j.start(n, wide)
}

// A job is one call of Parallel. The caller and the workers that take it up claim
// tasks, each those of its own lane first, and whoever finishes the last one signals
// done. A worker may take a job up when nothing is left of it, so the job is
// recycled only when the last reference is dropped.
type job struct {
	plain   func(i int)
	slotted func(worker, i int)
	lanes   []lane
	pending atomic.Int64 // tasks not finished
	slots   atomic.Int64 // slots given to workers; the caller has slot 0
	refs    atomic.Int64
	failed  atomic.Bool
	failure any // what the first failing task panicked with
	done    chan struct{}
}

// A lane is a stretch of a job's tasks. The caller always begins with the first one
// and a worker with its own: what one call of a kind has left in a core's cache is
// there in the next one. Cores take much longer to write what another one has in its
// cache than to multiply it.
type lane struct {
	next atomic.Int64 // the next task to claim
	end  int64
	_    [48]byte // a cache line each
}

var jobs freeList[job]

func newJob() *job {
	if j := jobs.get(); j != nil {
		return j
	}
	return &job{done: make(chan struct{}, 1)}
}

// queue holds jobs for idle workers. A full queue is no loss: the caller does the
// work itself.
var queue = make(chan *job, 256)

var (
	started   atomic.Int64 // workers running
	startLock sync.Mutex
)

// startWorkers makes sure that n workers run. They live as long as the program.
func startWorkers(n int64) {
	startLock.Lock()
	defer startLock.Unlock()
	for started.Load() < n {
		id := int(started.Add(1))
		go func() {
			for {
				j := wait(queue)
				j.work(int(j.slots.Add(1)), id)
				j.release()
			}
		}()
	}
}

// wait receives from a channel. A training step has a hundred short jobs, one close
// upon the other, and to put a core to sleep and wake it up costs tens of
// microseconds, as much as a job: so it looks for about that long before it sleeps.
// Whoever else can run has its turn in between, but not often: a goroutine that
// yields may go on on another core, far from what it has left in its cache.
func wait[T any](from <-chan T) T {
	const turns, looks = 8, 1000
	for range turns {
		for range looks {
			select {
			case v := <-from:
				return v
			default:
			}
		}
		runtime.Gosched()
	}
	return <-from
}

// start runs the job's n tasks, at most wide at a time.
func (j *job) start(n, wide int) {
	if cap(j.lanes) < wide {
		j.lanes = make([]lane, wide)
	}
	j.lanes = j.lanes[:wide]
	for i := range j.lanes {
		j.lanes[i].next.Store(int64(i * n / wide))
		j.lanes[i].end = int64((i + 1) * n / wide)
	}
	j.pending.Store(int64(n))
	j.slots.Store(0)
	j.failed.Store(false)
	helpers := int64(wide - 1)
	if started.Load() < helpers {
		startWorkers(helpers)
	}
	j.refs.Store(helpers + 1)
	for i := range helpers {
		select {
		case queue <- j:
			continue
		default:
		}
		j.refs.Add(i - helpers)
		break
	}
	j.work(0, 0)
	wait(j.done)
	failed, failure := j.failed.Load(), j.failure
	j.release()
	if failed {
		panic(failure)
	}
}

func (j *job) release() {
	if j.refs.Add(-1) == 0 {
		j.plain, j.slotted, j.failure = nil, nil, nil
		jobs.put(j)
	}
}

// work claims tasks until none is left, those of the lane home first.
func (j *job) work(worker, home int) {
	for n := range j.lanes {
		l := &j.lanes[(home+n)%len(j.lanes)]
		for i := l.next.Add(1) - 1; i < l.end; i = l.next.Add(1) - 1 {
			j.do(worker, int(i))
		}
	}
}

func (j *job) do(worker, i int) {
	defer j.finish()
	switch {
	case j.failed.Load():
	case j.plain != nil:
		j.plain(i)
	default:
		j.slotted(worker, i)
	}
}

// finish counts a task as done, recovering what it may have panicked with.
func (j *job) finish() {
	if r := recover(); r != nil && j.failed.CompareAndSwap(false, true) {
		j.failure = r
	}
	if j.pending.Add(-1) == 0 {
		j.done <- struct{}{}
	}
}
