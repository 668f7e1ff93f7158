package experiment

import (
	"fmt"
	"time"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/nvml"
	"github.com/sslctl/sslctl/core/train"
)

// meter reads how busy a GPU is, for whoever watches a run.
type meter struct {
	library *nvml.Library
	gpu     *nvml.Device
	read    time.Time
	text    string
}

// meterEvery is the time between readings; NVML takes about a millisecond, and has nothing new sooner.
const meterEvery = time.Second

// newMeter finds a GPU by its address on the PCI bus; nil where NVML is not there or does not know it. A run does without.
func newMeter(search dl.Search, pci string) *meter {
	library, err := nvml.Open(search)
	if err != nil {
		return nil
	}
	gpu, err := library.Device(pci)
	if err != nil {
		_ = library.Close()
		return nil
	}
	return &meter{library: library, gpu: gpu}
}

// load is the GPU's load as of a second ago at most: "GPU 87 %, 3.0 of 80.0 GiB"; "" where it cannot be read.
func (m *meter) load() string {
	if now := time.Now(); now.Sub(m.read) >= meterEvery {
		m.read = now
		m.text = ""
		if l, err := m.gpu.Load(); err == nil {
			m.text = fmt.Sprintf("GPU %d %%, %.1f of %.1f GiB", l.Utilisation, gib(l.Used), gib(l.Total))
		}
	}
	return m.text
}

func gib(bytes int) float64 { return float64(bytes) / (1 << 30) }

func (m *meter) close() {
	if m != nil {
		_ = m.library.Close()
	}
}

// observed adds the device's load to what an observer is told of steps.
func (m *meter) observed(observe func(train.Event)) func(train.Event) {
	if m == nil || observe == nil {
		return observe
	}
	return func(e train.Event) {
		if step, ok := e.(train.StepEvent); ok {
			step.Load = m.load()
			e = step
		}
		observe(e)
	}
}
