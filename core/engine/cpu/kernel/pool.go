package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"
)

// Pool is a set of threads that kernels run on, and the scratch memory that they use.
//
// Its life: NewPool starts the workers, Run (and every kernel that takes a pool) uses them, Close ends them. The calling
// goroutine works too, as worker 0, so a pool of one thread has no workers at all. An idle worker waits actively for about a
// millisecond, so that the kernels of one step follow each other closely, and then sleeps.
//
// One Run occupies the workers at a time. A Run inside a task, or from another goroutine meanwhile, does its tasks on its
// own thread alone; it is correct, only not parallel.
type Pool struct {
	isa     ISA
	direct  bool // no Winograd
	dotRate float64
	dots    *Pool // the same workers, with products of pairs; nil where there are none
	threads int
	workers []worker
	slots   []slot   // scratch: one a thread, then one a guest
	guests  chan int // free guest slots
	owner   conc.WaitGroup

	running sync.Mutex // held by the Run that has the workers
	job     job
	round   atomic.Uint32 // counts jobs; a change is the workers' signal
	closed  atomic.Bool

	callMu  sync.Mutex
	calls   []*arena  // scratch for whole kernel calls, free ones
	updates []*update // free ones
	sums    []*blockSums

	// A recorder's pool and one of dots have no workers but those of the real pool.
	real      *Pool
	ownSlots  bool       // not the real pool's
	recording *Recording // in progress
}

// job is the Run in progress. A worker may join while state is not negative; the caller closes it by subtracting closedJob
// when no task is left, and then waits for the workers that joined.
type job struct {
	f      func(worker, task int)
	tasks  int64
	next   atomic.Int64
	state  atomic.Int64 // workers inside, minus closedJob when closed
	left   chan struct{}
	failed atomic.Pointer[panics.Recovered]
}

const closedJob = 1 << 32

type worker struct {
	asleep atomic.Bool
	wake   chan struct{}
	_      [64]byte // keeps the workers' flags on different cache lines
}

type slot struct {
	arena arena
	tile  tile  // the worker's arguments to the product kernels, and
	taps  []tap // the stretches they sum
	_     [64]byte
}

// Option configures a Pool.
type Option func(*Pool)

// WithISA makes the pool's kernels use the given instruction set instead of the best one. It must be one of ISAs().
func WithISA(isa ISA) Option {
	return func(p *Pool) { p.isa = isa }
}

const (
	// guestSlots bounds how many Runs may go on inside or beside the one that has the workers.
	guestSlots = 16
	// spins is how often an idle thread looks for news before it sleeps: about a millisecond at 140 cycles a pause. A sleeper
	// takes 0.1 to 0.2 ms to come back, and a step has some fifty stretches of 0.03 to 0.5 ms that only one thread works on.
	spins = 16000
)

// NewPool starts a pool of the given number of threads, the caller included; zero or less means one for each CPU that Go
// may use.
func NewPool(threads int, options ...Option) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	list := ISAs()
	p := &Pool{
		isa:     list[len(list)-1],
		threads: threads,
		workers: make([]worker, threads),
		slots:   make([]slot, threads+guestSlots),
		guests:  make(chan int, guestSlots),
	}
	for _, o := range options {
		o(p)
	}
	if !p.isa.supported() {
		panic(fmt.Sprintf("kernel: this CPU does not have %v", p.isa))
	}
	p.addDots()
	for i := range guestSlots {
		p.guests <- threads + i
	}
	p.job.left = make(chan struct{}, 1)
	p.job.state.Store(-closedJob)
	for w := 1; w < threads; w++ {
		p.workers[w].wake = make(chan struct{}, 1)
		p.owner.Go(func() { p.serve(w) })
	}
	return p
}

// Threads returns the number of threads, the caller included.
func (p *Pool) Threads() int { return p.threads }

// Workers returns an upper bound for the worker numbers that Run passes: they are in [0, Workers()).
func (p *Pool) Workers() int { return len(p.slots) }

// ISA returns the instruction set of the pool's kernels.
func (p *Pool) ISA() ISA { return p.isa }

// Close ends the workers and waits for them. The pool must be idle, and is of no use afterwards.
func (p *Pool) Close() {
	p.running.Lock()
	defer p.running.Unlock()
	if p.closed.Swap(true) {
		return
	}
	p.round.Add(1)
	p.wakeUp(p.threads - 1)
	p.owner.Wait()
}

// Run calls f(worker, task) once for each task in [0, tasks), on all threads of the pool, and returns when all are done.
// Tasks start in order and go to whichever thread is free. No two calls with the same worker number overlap. When a task
// panics, tasks that have not started are dropped and Run panics too: with a *panics.Recovered that holds the value and the
// task's stack if threads share the work, with the value itself otherwise.
func (p *Pool) Run(tasks int, f func(worker, task int)) {
	if tasks <= 0 {
		return
	}
	if p.recording != nil {
		p.recording.runs = append(p.recording.runs, recordedRun{tasks, f})
		return
	}
	if p.ownSlots {
		p.real.Run(tasks, func(worker, task int) {
			p.slots[worker].arena.reset()
			f(worker, task)
		})
		return
	}
	if p.real != nil {
		p.real.Run(tasks, f)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer restoreDenormals(flushDenormals())
	if !p.running.TryLock() {
		p.runAsGuest(tasks, f)
		return
	}
	defer p.running.Unlock()
	if tasks == 1 || p.threads == 1 {
		for t := range tasks {
			p.slots[0].arena.reset()
			f(0, t)
		}
		return
	}
	p.runShared(tasks, f)
}

func (p *Pool) runAsGuest(tasks int, f func(worker, task int)) {
	guest := <-p.guests
	defer func() { p.guests <- guest }()
	for t := range tasks {
		p.slots[guest].arena.reset()
		f(guest, t)
	}
}

func (p *Pool) runShared(tasks int, f func(worker, task int)) {
	j := &p.job
	j.f, j.tasks = f, int64(tasks)
	j.next.Store(0)
	j.failed.Store(nil)
	j.state.Add(closedJob)
	p.round.Add(1)
	p.wakeUp(min(p.threads, tasks) - 1)
	p.work(0)
	j.state.Add(-closedJob)
	for i := 0; j.state.Load() != -closedJob; i++ {
		if i < spins {
			pause()
			continue
		}
		<-j.left
	}
	j.f = nil
	if r := j.failed.Load(); r != nil {
		panic(r)
	}
}

// wakeUp gives the first n workers that sleep a push.
func (p *Pool) wakeUp(n int) {
	for w := 1; w <= n; w++ {
		if p.workers[w].asleep.CompareAndSwap(true, false) {
			p.workers[w].wake <- struct{}{}
		}
	}
}

// serve is the life of worker w.
func (p *Pool) serve(w int) {
	runtime.LockOSThread() // never unlocked: the thread ends with the worker, and its MXCSR with it
	flushDenormals()
	var seen uint32
	for {
		seen = p.awaitRound(w, seen)
		if p.closed.Load() {
			return
		}
		p.join(w)
	}
}

// awaitRound returns the number of the newest job once it differs from seen.
func (p *Pool) awaitRound(w int, seen uint32) uint32 {
	me := &p.workers[w]
	for {
		for range spins {
			if r := p.round.Load(); r != seen {
				return r
			}
			pause()
		}
		me.asleep.Store(true)
		if p.round.Load() != seen && me.asleep.CompareAndSwap(true, false) {
			continue
		}
		<-me.wake
	}
}

// join takes part in the job unless it is closed by now.
func (p *Pool) join(w int) {
	j := &p.job
	if j.state.Add(1) > 0 {
		p.work(w)
	}
	if j.state.Add(-1) == -closedJob {
		select {
		case j.left <- struct{}{}:
		default:
		}
	}
}

// work does tasks until none is left.
func (p *Pool) work(w int) {
	j := &p.job
	defer func() {
		if v := recover(); v != nil {
			r := panics.NewRecovered(1, v)
			j.failed.CompareAndSwap(nil, &r)
			j.next.Store(j.tasks)
		}
	}()
	for {
		t := j.next.Add(1) - 1
		if t >= j.tasks {
			return
		}
		p.slots[w].arena.reset()
		j.f(w, int(t))
	}
}

// Scratch returns n floats of the worker's own memory, aligned to a cache line, with undefined contents. It may be called
// several times by a task, with the worker number that Run passed; the memory is the task's until it returns.
func (p *Pool) Scratch(worker, n int) []float32 { return p.slots[worker].arena.floats(n) }

// borrow returns an arena for a kernel call's shared temporaries; giveBack ends its use.
func (p *Pool) borrow() *arena {
	p.callMu.Lock()
	defer p.callMu.Unlock()
	n := len(p.calls)
	if n == 0 {
		return new(arena)
	}
	a := p.calls[n-1]
	p.calls = p.calls[:n-1]
	return a
}

func (p *Pool) giveBack(a *arena) {
	a.reset()
	p.callMu.Lock()
	defer p.callMu.Unlock()
	p.calls = append(p.calls, a)
}
