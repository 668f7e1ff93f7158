package kernel

// Recording is what kernels asked of a pool: Runs that can be done again and again, on the same memory, without
// allocating. The zero Recording does nothing.
type Recording struct{ runs []recordedRun }

type recordedRun struct {
	tasks int
	f     func(worker, task int)
}

// Recorder takes down kernels instead of running them. Its recordings share scratch memory, so that only one of them may be
// replayed at a time, on the pool that the recorder was made for.
type Recorder struct{ pool *Pool }

// NewRecorder makes a recorder for the pool.
func (p *Pool) NewRecorder() *Recorder {
	r := &Recorder{&Pool{isa: p.isa, direct: p.direct, dotRate: p.dotRate, threads: p.threads, slots: p.slots, real: p}}
	r.pool.addDots()
	return r
}

// Pool is the pool to call kernels with while the recorder records. At other times it stands for the pool that the recorder
// was made for. It needs no closing.
func (r *Recorder) Pool() *Pool { return r.pool }

// Record calls f, which may do nothing itself but call kernels with the recorder's pool. They may return no result to f,
// and the recording holds the slices that it saw.
func (r *Recorder) Record(f func()) Recording {
	var rec Recording
	r.pool.recording = &rec
	defer func() { r.pool.recording = nil }()
	f()
	return rec
}

// Replay does the recording's Runs in their order.
func (p *Pool) Replay(rec Recording) {
	for _, run := range rec.runs {
		p.Run(run.tasks, run.f)
	}
}
