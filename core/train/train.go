// Package train runs a method on a data set: the loop of batch, step, schedule and metrics, with checkpoints from which a
// run resumes to the bit, and the evaluation of what was learned.
//
// Most callers need [Run] with an open run folder. The same configuration, seed and device give the same losses and weights,
// whatever the number of threads, and whether or not the run was interrupted. Where a run stops early - a signal, a loss
// that is not finite, a collapse that the configuration forbids, a full disk - the last good checkpoint is kept and the
// error says how to go on.
package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/probe"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/sdk/method"
)

// Job is everything that a run is made of.
type Job struct {
	Config       config.Config
	Backbone     backbones.Backbone
	Method       *method.Traced      // traced for the configuration's batch and views
	Regularisers []model.Regulariser // likewise
	Data         *data.Splits
	Device       engine.Device
	Pool         *kernel.Pool
	Folder       *run.Run
	Log          *zap.Logger
	Observe      func(Event) // told of progress from the goroutine of the call; may be nil
}

// Run trains to the end of the configuration, from the folder's newest checkpoint where resume is set, evaluates, and writes
// the result into the folder. The caller closes the folder. When the context ends, the state is saved and the error has the
// code fault.Interrupted.
func Run(ctx context.Context, j Job, resume bool) (run.Result, error) {
	if j.Observe == nil {
		j.Observe = func(Event) {}
	}
	t, err := newTrainer(j)
	if err != nil {
		return run.Result{}, err
	}
	defer t.close()
	if err := t.begin(resume); err != nil {
		return run.Result{}, err
	}
	start := time.Now()
	if err := t.loop(ctx); err != nil {
		return run.Result{}, t.stopped(ctx, err)
	}
	trained := time.Since(start)
	result, plane, err := t.finish(ctx, trained)
	if err != nil {
		return run.Result{}, t.stopped(ctx, err)
	}
	if plane != nil {
		if err := j.Folder.WriteMap(*plane); err != nil {
			return run.Result{}, err
		}
	}
	if err := t.markFinal(result.Probes); err != nil {
		return run.Result{}, err
	}
	return result, j.Folder.WriteResult(result)
}

// begin sets initial values and, to resume, replaces them by those of the newest checkpoint.
func (t *trainer) begin(resume bool) error {
	if resume {
		if err := t.takeUp(); err != nil {
			return err
		}
	}
	return t.saveSamples()
}

// takeUp goes back to the newest checkpoint, or to the beginning where the run was stopped before its first.
func (t *trainer) takeUp() error {
	c, err := t.job.Folder.LoadLast()
	if errors.Is(err, run.ErrNoCheckpoint) {
		t.job.Log.Warn("the run has no checkpoint yet; it starts from the beginning")
		return t.job.Folder.Rewind(-1)
	}
	if err != nil {
		return err
	}
	for _, skipped := range c.Skipped {
		t.job.Log.Warn("a damaged checkpoint is passed over", zap.Error(skipped))
	}
	if err := t.restore(c); err != nil {
		return fault.New(fault.Data, "resume with the version of sslctl that began the run", "restore %s: %w", c.Path, err)
	}
	if err := t.job.Folder.Rewind(t.step); err != nil {
		return err
	}
	records, err := t.job.Folder.Metrics()
	if err != nil {
		return err
	}
	t.last, t.probed = lastOf(records, t.net.model), recall(records)
	return nil
}

// stopped turns the end of the context into an interruption, for which the state has been saved. Any other error, such as
// that of a full disk while saving, stays what it is.
func (t *trainer) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	hint := "continue by sslctl run --resume " + t.job.Folder.Dir()
	return fault.New(fault.Interrupted, hint, "interrupted after step %d of %d", t.step, t.total)
}

// Event is progress: a [StepEvent] or a [PhaseEvent].
type Event interface{ event() }

// StepEvent follows a training step.
type StepEvent struct {
	Step, Total     int
	Epoch, Epochs   float64
	Loss            float64
	Terms           []run.TermResult
	LR              float64
	ImagesPerSecond float64 // images drawn from the data set, each seen in every view
	Left            time.Duration
	Health          string // of the embeddings: one phrase
	Load            string // of the device: one phrase, "" where nobody reads it; filled by who opened the device
}

// PhaseEvent says what follows or accompanies training, with its progress where Total is not 0.
type PhaseEvent struct {
	Name        string
	Done, Total int
}

func (StepEvent) event()  {}
func (PhaseEvent) event() {}

// trainer is a run in memory.
type trainer struct {
	job    Job
	net    *network
	opt    *optimiser
	online *probe.Online // nil where the configuration or the data has none
	lesson *lesson       // that it has not learned yet; nil mostly
	loader *data.Loader
	ahead  *turn // the batch of the next step, where it was fetched before
	views  viewSet
	parcel func() *cuda.Parcel // where the GPU makes the views
	total  int                 // steps
	step   int                 // steps done
	last   stepResult
	health health
	probed progressProbe
}

func newTrainer(j Job) (*trainer, error) {
	t := &trainer{job: j}
	var err error
	if t.views, err = newViewSet(j.Config, j.Data); err != nil {
		return nil, err
	}
	if t.net, err = newNetwork(j, t.views.size); err != nil {
		return nil, err
	}
	c := j.Config.Train
	o := data.LoaderOptions{Batch: c.Batch, Seed: c.Seed, Workers: c.Workers}
	if viewsOnDevice(j) {
		o.Parcel = func() data.Parcel { return t.parcel() }
	}
	t.loader = data.NewLoader(j.Data.Train, t.views.pipelines, o)
	if t.total, err = steps(j.Config, j.Data.Train.Len(), t.loader.StepsPerEpoch()); err != nil {
		return nil, err
	}
	if t.opt, err = newOptimiser(j.Config, t.net, t.total, t.loader.StepsPerEpoch(), j.Pool); err != nil {
		return nil, err
	}
	if distant(j.Device) {
		err = t.net.reside(j.Device, t.opt)
	} else {
		err = t.net.drain(t.opt)
	}
	if err != nil {
		return nil, err
	}
	if viewsOnDevice(j) {
		if err := t.makeViews(); err != nil {
			return nil, err
		}
	}
	t.online = newOnline(j, t.net, t.total)
	return t, nil
}

// close ends the loader and frees the device's memory.
func (t *trainer) close() {
	t.loader.Close()
	t.net.exe.Close()
}

// steps is the length of the run on so many images.
func steps(c config.Config, images, perEpoch int) (int, error) {
	if perEpoch == 0 {
		return 0, fault.New(fault.Usage, fmt.Sprintf("set train.batch to %d or less", images), "the %d training images do not fill one batch of %d", images, c.Train.Batch)
	}
	if c.Train.Steps > 0 {
		return c.Train.Steps, nil
	}
	return c.Train.Epochs * perEpoch, nil
}
