package compare_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/compare"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
)

// withoutTime is a result without what the machine's speed decides.
func withoutTime(r run.Result) run.Result {
	r.Time = run.Timing{}
	return r
}

func results(outcomes []compare.Outcome) []run.Result {
	var out []run.Result
	for _, o := range outcomes {
		for _, a := range o.Runs {
			out = append(out, withoutTime(a.Result))
		}
	}
	return out
}

func methods(t *testing.T, b *bench, l config.Layers, names ...string) compare.Study {
	t.Helper()
	s, err := compare.Methods(t.Context(), b.resolve, l, names)
	if err != nil {
		t.Fatal(err)
	}
	s.Seeds = 2
	return s
}

// TestStudyIsReused: a repeated study computes nothing, a longer one only what is new, and neither result nor number of
// runs at a time changes a bit.
func TestStudyIsReused(t *testing.T) {
	b := newBench(t)
	s := methods(t, b, layers(t, t.TempDir()), "vicreg", "simsiam")
	first, computed, err := b.conduct(t.Context(), s)
	if err != nil || computed != 4 {
		t.Fatalf("%d runs computed (%v), want 4", computed, err)
	}
	again, computed, err := b.conduct(t.Context(), s)
	if err != nil || computed != 0 {
		t.Errorf("%d runs computed anew (%v)", computed, err)
	}
	if d := cmp.Diff(results(first), results(again)); d != "" {
		t.Error(d)
	}
	s.Seeds = 3
	if _, computed, err = b.conduct(t.Context(), s); err != nil || computed != 2 {
		t.Errorf("a third seed computed %d runs (%v), want 2", computed, err)
	}
	s.Seeds, b.parallel = 2, 1
	for i := range s.Cells {
		s.Cells[i].Config.Out = t.TempDir()
	}
	elsewhere, computed, err := b.conduct(t.Context(), s)
	if err != nil || computed != 4 {
		t.Fatalf("%d runs computed (%v), want 4", computed, err)
	}
	if d := cmp.Diff(results(first), results(elsewhere)); d != "" {
		t.Errorf("one run at a time and two differ: %s", d)
	}
}

// TestInterruptedStudyContinues: a study that ends in the middle of its runs gives, when it is repeated, the bits of one
// that was never stopped.
func TestInterruptedStudyContinues(t *testing.T) {
	b := newBench(t)
	s := methods(t, b, layers(t, t.TempDir(), "steps=6"), "byol", "barlowtwins")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.observe = func(task compare.Task, e train.Event) {
		if step, ok := e.(train.StepEvent); ok && task.Seed == 1 && step.Step == 3 {
			cancel()
		}
	}
	_, _, err := b.conduct(ctx, s)
	if fault.CodeOf(err) != fault.Interrupted || fault.HintOf(err) == "" {
		t.Fatalf("error %v with hint %q", err, fault.HintOf(err))
	}
	b.observe = nil
	var begunLater atomic.Int32
	b.observe = func(_ compare.Task, e train.Event) {
		if step, ok := e.(train.StepEvent); ok && step.Step == 4 {
			begunLater.Add(1)
		}
	}
	continued, _, err := b.conduct(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	b.observe = nil
	for i := range s.Cells {
		s.Cells[i].Config.Out = t.TempDir()
	}
	whole, _, err := b.conduct(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(results(whole), results(continued)); d != "" {
		t.Error(d)
	}
	if begunLater.Load() == 0 {
		t.Error("nothing was left to be continued: the test interrupted too late")
	}
}

// TestAnyKeyMakesANewRun: a run is reused only where the whole configuration is the same.
func TestAnyKeyMakesANewRun(t *testing.T) {
	b := newBench(t)
	out, dir := t.TempDir(), images(t)
	conduct := func(set ...string) int {
		l := layers(t, out, set...)
		l.Flags["data.dir"] = dir
		s := methods(t, b, l, "vicreg")
		s.Seeds = 1
		_, computed, err := b.conduct(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return computed
	}
	if n := conduct(); n != 1 {
		t.Fatalf("%d runs computed, want 1", n)
	}
	for _, set := range []string{"nu=1.0000001", "augment.views.1.blur=0.01", "seed=1", "lr=0.0021", "reg.var=0.5", "data.limit=90", "probe.online=false", "collapse.stop=true"} {
		if n := conduct(set); n != 1 {
			t.Errorf("%s: %d runs computed, want a new one", set, n)
		}
		if n := conduct(set); n != 0 {
			t.Errorf("%s: not reused", set)
		}
	}
	for _, set := range []string{"threads=3", "train.workers=3", "checkpoint.every_steps=2", "data.dir=" + images(t)} {
		if n := conduct(set); n != 0 {
			t.Errorf("%s changes no bit, but made a new run", set)
		}
	}
}

// TestSameSeedSameData: for one seed all methods see the same images in the same order, with the same labels and - where
// their recipes are the same, as in the small presets - the same pixels; another seed gives others.
func TestSameSeedSameData(t *testing.T) {
	b := newBench(t)
	l := layers(t, t.TempDir())
	type batch struct {
		index, labels []int
		pixels        []float32
	}
	second := func(c config.Config) batch {
		splits, err := session.Open(t.Context(), c, nil)
		if err != nil {
			t.Fatal(err)
		}
		var views []*augment.Pipeline
		for _, v := range c.Augment.Views {
			p, err := augment.New(augment.Recipe{Size: 28, CropMin: v.CropMin, CropMax: v.CropMax, RatioMin: v.RatioMin, RatioMax: v.RatioMax, Flip: v.Flip,
				Jitter: v.Jitter, Brightness: v.Brightness, Contrast: v.Contrast, Blur: v.Blur, BlurSigmaMin: v.BlurSigmaMin, BlurSigmaMax: v.BlurSigmaMax,
				Solarize: v.Solarize, Mean: splits.Info.Mean, Std: splits.Info.Std}, 1)
			if err != nil {
				t.Fatal(err)
			}
			views = append(views, p)
		}
		loader := data.NewLoader(splits.Train, views, data.LoaderOptions{Batch: c.Train.Batch, Seed: c.Train.Seed, Workers: 2})
		defer loader.Close()
		loader.Seek(7) // of the second epoch
		next, err := loader.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer next.Release()
		return batch{slices.Clone(next.Index), slices.Clone(next.Labels), slices.Clone(next.Pixels)}
	}
	s := methods(t, b, l, "vicreg", "byol", "simsiam", "barlowtwins")
	want := second(s.Cells[0].Config)
	for _, cell := range s.Cells[1:] {
		got := second(cell.Config)
		if !slices.Equal(got.index, want.index) || !slices.Equal(got.labels, want.labels) || !slices.Equal(got.pixels, want.pixels) {
			t.Errorf("%s sees other images than vicreg", cell.Name)
		}
	}
	l.Set = append(l.Set, "preset=cifar", "batch=16", "steps=4")
	for _, cell := range methods(t, b, l, "vicreg", "byol", "simsiam", "barlowtwins").Cells {
		got := second(cell.Config)
		if !slices.Equal(got.index, want.index) || slices.Equal(got.pixels, want.pixels) {
			t.Errorf("%s with another recipe: want the same images in other views", cell.Name)
		}
	}
	other := s.Cells[0].Config.Clone()
	other.Train.Seed++
	if got := second(other); slices.Equal(got.index, want.index) {
		t.Error("another seed gives the same order")
	}
}

// TestSameSeedSameStart: the untrained network is the same for all methods, so that the baseline of one is that of all; a
// study takes it from the first.
func TestSameSeedSameStart(t *testing.T) {
	b := newBench(t)
	s := methods(t, b, layers(t, t.TempDir()), "vicreg", "byol")
	s.Seeds = 1
	outcomes, _, err := b.conduct(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	alone := s
	alone.Cells = s.Cells[1:]
	own, _, err := b.conduct(t.Context(), alone)
	if err != nil {
		t.Fatal(err)
	}
	for _, features := range []string{run.Untrained, run.Pixels} {
		first, ok := outcomes[0].Runs[0].Result.Accuracy(run.KNN, features)
		second, _ := own[0].Runs[0].Result.Accuracy(run.KNN, features)
		if !ok || first.Accuracy != second.Accuracy {
			t.Errorf("%s: %v and %v", features, first.Accuracy, second.Accuracy)
		}
		if _, again := outcomes[1].Runs[0].Result.Accuracy(run.KNN, features); again {
			t.Errorf("%s is probed twice", features)
		}
	}
	if _, ok := outcomes[0].Runs[0].Result.Accuracy(run.Online, run.Trained); !ok {
		t.Error("no online probe")
	}
}

// TestRunInProgressElsewhere: two studies never compute one run at the same time.
func TestRunInProgressElsewhere(t *testing.T) {
	b := newBench(t)
	s := methods(t, b, layers(t, t.TempDir()), "vicreg")
	s.Seeds = 1
	outcomes, _, err := b.conduct(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	held, err := run.Resume(outcomes[0].Runs[0].Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = b.conduct(t.Context(), s)
	if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("error %v with hint %q", err, fault.HintOf(err))
	}
	if err := held.Close(run.Done, ""); err != nil {
		t.Error(err)
	}
}

// TestDivergedRunIsReused: a run that diverges is the cell's result, and is not tried again.
func TestDivergedRunIsReused(t *testing.T) {
	b := newBench(t)
	s := methods(t, b, layers(t, t.TempDir(), "optimizer=sgd", "lr=1e30", "steps=6"), "vicreg")
	s.Seeds = 1
	for want := range []int{0, 1} {
		outcomes, computed, err := b.conduct(t.Context(), s)
		if err != nil || computed != 1-want || outcomes[0].Runs[0].Failed == "" {
			t.Fatalf("round %d: %d computed, %+v (%v)", want, computed, outcomes, err)
		}
		r, err := compare.NewReport(s, outcomes, "")
		if err != nil || !r.Rows[0].Entries[0].AllCollapsed() {
			t.Errorf("report %+v (%v)", r.Rows, err)
		}
	}
	_, err := b.run(t.Context(), compare.Task{Config: s.Cells[0].Config})
	if fault.CodeOf(err) != fault.Diverged {
		t.Errorf("error %v", err)
	}
}

// TestSwitchesTrain: every shape of branches that the ablations ask for can be trained, SimSiam's without the predictor whose
// rate its preset fixes among them.
func TestSwitchesTrain(t *testing.T) {
	b := newBench(t)
	for name, set := range map[string][]string{
		"simsiam": {"predictor=false", "head_norm=false", "reg.var=1", "reg.cov=0.01"}, "vicreg": {"predictor=true", "head_norm=false"},
		"byol": {"predictor=false"}, "barlowtwins": {"unshared=true"},
	} {
		s := methods(t, b, layers(t, t.TempDir(), append([]string{"steps=2"}, set...)...), name)
		s.Seeds = 1
		if _, _, err := b.conduct(t.Context(), s); err != nil {
			t.Errorf("%s with %v: %v", name, set, err)
		}
	}
}
