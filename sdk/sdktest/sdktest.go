package sdktest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/method"
)

// Run checks a method, a subtest for each check.
func Run(t *testing.T, m method.Method) {
	t.Helper()
	run(t, checks(Method(m)))
}

// RunRegulariser is Run for a regulariser.
func RunRegulariser(t *testing.T, r method.Regulariser) {
	t.Helper()
	run(t, checks(Regulariser(r)))
}

// RunBackbone is Run for a backbone.
func RunBackbone(t *testing.T, b backbone.Backbone) {
	t.Helper()
	run(t, networkChecks(Backbone(b)))
}

func run(t *testing.T, all []check) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			switch r := c.make(t.Context()); r.Status {
			case Failed:
				t.Error(r)
			case Warned:
				t.Log(r)
			}
		})
	}
}

// Status is the outcome of a check.
type Status string

// The outcomes. A warning names what may be intended, and fails nothing.
const (
	Passed Status = "pass"
	Warned Status = "warn"
	Failed Status = "fail"
)

// Result is what a check found.
type Result struct {
	Check  string        `json:"check"`
	Status Status        `json:"status"`
	Says   string        `json:"says"`             // what was measured, or what is wrong
	Detail string        `json:"detail,omitempty"` // more lines: a plugin's last words, the stack of a panic
	Param  string        `json:"param,omitempty"`  // hyper-parameter that it is about
	Source string        `json:"source,omitempty"` // file:line of the author's code that it is about
	Took   time.Duration `json:"took_ns"`
}

// String is one line.
func (r Result) String() string {
	if r.Param != "" {
		return fmt.Sprintf("%s: %s (hyper-parameter %q)", r.Check, r.Says, r.Param)
	}
	return r.Check + ": " + r.Says
}

// Check makes every check, in order, until ctx ends. A subject that panics fails the check; the rest is still made.
func Check(ctx context.Context, s Subject) []Result { return makeAll(ctx, checks(s)) }

// CheckBackbone is Check for a backbone.
func CheckBackbone(ctx context.Context, s BackboneSubject) []Result {
	return makeAll(ctx, networkChecks(s))
}

func makeAll(ctx context.Context, all []check) []Result {
	var out []Result
	for _, c := range all {
		if ctx.Err() != nil {
			return out
		}
		out = append(out, c.make(ctx))
	}
	return out
}

// check is one check. It returns what it measured and a warning, or an error.
type check struct {
	name string
	run  func(ctx context.Context) (finding, error)
}

// finding is what a check that did not fail has to say.
type finding struct {
	says string
	warn bool
}

func ok(format string, args ...any) (finding, error) {
	return finding{says: fmt.Sprintf(format, args...)}, nil
}

func warn(format string, args ...any) (finding, error) {
	return finding{says: fmt.Sprintf(format, args...), warn: true}, nil
}

// checks are those of a method or regulariser.
func checks(s Subject) []check {
	of := func(f func(context.Context, Subject) (finding, error)) func(context.Context) (finding, error) {
		return func(ctx context.Context) (finding, error) { return f(ctx, s) }
	}
	return []check{
		{"description", of(checkDescription)},
		{"hyper-parameters", of(checkParams)},
		{"shapes", of(checkShapes)},
		{"determinism", of(checkDeterminism)},
		{"gradients", of(checkGradients)},
		{"permutation", of(checkPermutation)},
		{"batch size", of(checkBatchSize)},
		{"scale", of(checkScale)},
		{"constant embeddings", of(checkConstant)},
		{"NaN embeddings", of(checkNaN)},
		{"trace time", of(checkTime)},
	}
}

func (c check) make(ctx context.Context) (r Result) {
	began := time.Now()
	r = Result{Check: c.name, Status: Passed}
	defer func() {
		r.Took = time.Since(began)
		if p := recover(); p != nil {
			r.Status, r.Says = Failed, fmt.Sprintf("it panicked: %v", p)
		}
	}()
	f, err := c.run(ctx)
	if err != nil {
		d := diagnose(err)
		r.Status, r.Says, r.Detail, r.Param, r.Source = Failed, d.Summary, d.Detail, d.Param, d.Source
		return r
	}
	if r.Says = f.says; f.warn {
		r.Status = Warned
	}
	return r
}
