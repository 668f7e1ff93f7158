package train

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// recordEvery is the number of steps between records of metrics.jsonl; the last step is always recorded.
const recordEvery = 10

// stepResult is what a step computed.
type stepResult struct {
	loss  float64
	terms []run.TermResult
}

// loop trains from the current step to the last. When the context ends, or a plugin fails that computes a part of the loss,
// it saves the state of the last whole step.
func (t *trainer) loop(ctx context.Context) error {
	pace := newPace(t.step)
	saved := time.Now()
	for t.step < t.total {
		if t.probeDue() {
			if err := t.probe(ctx); err != nil {
				return t.keep(ctx, err)
			}
		}
		if err := t.advance(ctx); err != nil {
			return t.keep(ctx, err)
		}
		pace.tick(t.step)
		// What belongs to a step is recorded before a checkpoint of it can exist, so that a resumed run misses nothing.
		if err := t.account(pace); err != nil {
			return err
		}
		if t.due(saved) {
			if err := t.save(); err != nil {
				return err
			}
			saved = time.Now()
		}
		t.job.Observe(t.progress(pace))
	}
	return nil
}

// account measures and records the step where one or the other is due, and stops a run that has collapsed where the
// configuration asks for it.
func (t *trainer) account(p *pace) error {
	watched, err := t.watch()
	if err != nil {
		return err
	}
	if watched || t.step%recordEvery == 0 || t.step == t.total {
		if err := t.record(p, watched); err != nil {
			return err
		}
	}
	if t.collapsed() {
		return t.giveUp()
	}
	return nil
}

// advance is one training step. On an error of the batch or of a plugin the weights are those of the step before.
func (t *trainer) advance(ctx context.Context) error {
	u := t.take(ctx)
	if u.err != nil {
		return u.err
	}
	defer u.release()
	if err := t.forwardBackward(ctx); err != nil {
		return err
	}
	t.last = t.read()
	if err := t.finite(); err != nil {
		return err
	}
	t.learnOnline(u.labels)
	t.opt.step(t.step)
	t.net.updateBuffers()
	t.step++
	return nil
}

// read fetches loss and terms.
func (t *trainer) read() stepResult {
	r := stepResult{loss: float64(t.net.exe.Read(t.net.model.Loss)[0])}
	for _, term := range t.net.model.Terms {
		value := float64(t.net.exe.Read(term.Value)[0])
		r.terms = append(r.terms, run.TermResult{Name: term.Name, Weight: run.Number(term.Weight), Value: run.Number(value)})
	}
	return r
}

// finite is an error when the loss is not, naming the term that is to blame.
func (t *trainer) finite() error {
	if !math.IsNaN(t.last.loss) && !math.IsInf(t.last.loss, 0) {
		return nil
	}
	culprit := "the sum of the terms"
	for _, term := range t.last.terms {
		if v := float64(term.Value); math.IsNaN(v) || math.IsInf(v, 0) {
			culprit = fmt.Sprintf("term %q is %v", term.Name, v)
			break
		}
	}
	return t.diverged("the loss is %v at step %d: %s", t.last.loss, t.step+1, culprit)
}

// diverged is the error of a run that is beyond help, with the way to the last good weights.
func (t *trainer) diverged(format string, args ...any) error {
	hint := "lower optimizer.lr or lengthen schedule.warmup_epochs"
	if c, err := t.job.Folder.LoadLast(); err == nil {
		hint += fmt.Sprintf("; the weights of step %d are in %s", c.Step, c.Path)
	}
	return fault.New(fault.Diverged, hint, format, args...)
}

// due says whether it is time for a checkpoint: at the end, and as often as the configuration asks.
func (t *trainer) due(saved time.Time) bool {
	c := t.job.Config.Checkpoint
	return t.step == t.total ||
		c.EverySteps > 0 && t.step%c.EverySteps == 0 ||
		c.EveryMinutes > 0 && time.Since(saved).Minutes() >= c.EveryMinutes
}

// keep saves the state when it was the context or a plugin that ended the loop. What a lost device had is lost, and a step with a
// loss that is not finite may have moved the weights.
func (t *trainer) keep(ctx context.Context, err error) error {
	switch code := fault.CodeOf(err); {
	case code == fault.Diverged:
		return err
	case ctx.Err() == nil && code == fault.Device:
		return fault.New(code, fault.HintOf(err)+t.lastGood(), "after step %d of %d: %w", t.step, t.total, err)
	case ctx.Err() == nil && code != fault.Plugin:
		return err
	}
	if t.step > 0 {
		if saveErr := t.save(); saveErr != nil {
			return fmt.Errorf("interrupted, and the state could not be saved: %w", saveErr)
		}
	}
	if ctx.Err() != nil {
		return err
	}
	hint := fault.HintOf(err) + "; the state is saved: sslctl run --resume " + t.job.Folder.Dir() + " goes on from there"
	return fault.New(fault.Plugin, hint, "after step %d of %d: %w", t.step, t.total, err)
}

// lastGood says where a run goes on whose state is lost.
func (t *trainer) lastGood() string {
	c, err := t.job.Folder.LoadLast()
	if err != nil {
		return "; there is no checkpoint yet"
	}
	return fmt.Sprintf("; sslctl run --resume %s goes on from the checkpoint of step %d", t.job.Folder.Dir(), c.Step)
}

// record appends a line to metrics.jsonl.
func (t *trainer) record(p *pace, watched bool) error {
	r := run.Record{Step: t.step, Epoch: t.epoch(), Values: map[string]float64{run.Loss: t.last.loss, run.LearningRate: t.opt.schedule.At(t.step - 1)},
		Time: map[string]float64{"seconds": p.elapsed().Seconds(), "images_per_s": p.rate() * float64(t.job.Config.Train.Batch), "wait_s": t.loader.Wait().Seconds()}}
	for _, term := range t.last.terms {
		r.Values[run.Term+term.Name] = float64(term.Value)
	}
	if t.opt.average != nil {
		r.Values["momentum"] = t.opt.momentum.At(t.step - 1)
	}
	if watched {
		t.health.into(&r)
	}
	return t.job.Folder.Append(r)
}

func (t *trainer) epoch() float64 { return float64(t.step) / float64(t.loader.StepsPerEpoch()) }

func (t *trainer) progress(p *pace) StepEvent {
	rate := p.rate()
	return StepEvent{Step: t.step, Total: t.total, Epoch: t.epoch(), Epochs: float64(t.total) / float64(t.loader.StepsPerEpoch()),
		Loss: t.last.loss, Terms: t.last.terms, LR: t.opt.schedule.At(t.step - 1), ImagesPerSecond: rate * float64(t.job.Config.Train.Batch),
		Left: time.Duration(float64(t.total-t.step) / rate * float64(time.Second)), Health: t.health.phrase()}
}

// pace measures steps a second, over the last few dozen.
type pace struct {
	start time.Time
	first int
	marks []mark
}

type mark struct {
	step int
	at   time.Time
}

// paceMarks is the number of steps over which the rate is measured.
const paceMarks = 50

func newPace(step int) *pace {
	now := time.Now()
	return &pace{start: now, first: step, marks: []mark{{step, now}}}
}

func (p *pace) tick(step int) {
	p.marks = append(p.marks, mark{step, time.Now()})
	if len(p.marks) > paceMarks {
		p.marks = p.marks[:copy(p.marks, p.marks[1:])]
	}
}

func (p *pace) elapsed() time.Duration { return time.Since(p.start) }

// rate is in steps a second.
func (p *pace) rate() float64 {
	oldest, newest := p.marks[0], p.marks[len(p.marks)-1]
	if d := newest.at.Sub(oldest.at).Seconds(); d > 0 {
		return float64(newest.step-oldest.step) / d
	}
	return 1
}
