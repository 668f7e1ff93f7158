package experiment

import (
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/core/train"
)

func TestMeter(t *testing.T) {
	f := fake.Start(t)
	if m := newMeter(f.Search(), "0000:F0:00.0"); m != nil {
		t.Error("found a GPU that is not there")
	}
	m := newMeter(f.Search(), "0000:01:00.0")
	defer m.close()
	var told []train.Event
	observe := m.observed(func(e train.Event) { told = append(told, e) })
	for range 3 {
		observe(train.StepEvent{Step: 1})
	}
	observe(train.PhaseEvent{Name: "probe"})
	for _, e := range told[:3] {
		if step := e.(train.StepEvent); step.Load != "GPU 87 %, 3.0 of 80.0 GiB" || step.Step != 1 {
			t.Errorf("told %+v", step)
		}
	}
	if told[3] != (train.PhaseEvent{Name: "probe"}) {
		t.Errorf("told %+v", told[3])
	}
	if n := f.Calls("nvmlDeviceGetUtilizationRates"); n != 1 {
		t.Errorf("%d readings within a second, want 1", n)
	}
	m.read = time.Now().Add(-meterEvery)
	f.Fail("nvmlDeviceGetMemoryInfo", 1, 15)
	if load := m.load(); load != "" {
		t.Errorf("a load of %q from a GPU that cannot be read", load)
	}
}

// TestNoMeter leaves observers alone.
func TestNoMeter(t *testing.T) {
	var none *meter
	none.close()
	called := false
	none.observed(func(train.Event) { called = true })(train.StepEvent{})
	if !called || (&meter{}).observed(nil) != nil {
		t.Error("an observer was lost or made up")
	}
}
