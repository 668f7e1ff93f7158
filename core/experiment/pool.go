package experiment

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// dotISA is AVX-512 with products in bfloat16 wherever images are stored so, whether that is quicker or not.
const dotISA = "avx512-bf16"

// NewPool makes the workers of the CPU kernels.
func NewPool(c config.Config) (*kernel.Pool, error) {
	threads := c.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if c.CPUISA == "auto" {
		rate := 0.
		if c.Train.Precision == "bf16" {
			rate = dotRate()
		}
		return kernel.NewPool(threads, kernel.WithDots(rate)), nil
	}
	if c.CPUISA == dotISA && kernel.AVX512.Dots() {
		return kernel.NewPool(threads, kernel.WithISA(kernel.AVX512), kernel.WithDots(kernel.Everywhere)), nil
	}
	for _, isa := range kernel.ISAs() {
		if isa.String() == c.CPUISA || isa == kernel.Plain && c.CPUISA == "generic" {
			return kernel.NewPool(threads, kernel.WithISA(isa)), nil
		}
	}
	return nil, fault.New(fault.Device, fmt.Sprintf("this CPU has %v; --cpu-isa auto takes the best", kernel.ISAs()), "the CPU lacks the instruction set %q", c.CPUISA)
}

// keptRate is what dots.json in the user's cache says of a CPU.
type keptRate struct {
	CPU  string  `json:"cpu"`
	Rate float64 `json:"rate"` // of kernel.DotRate
}

// dotRate is kernel.DotRate, measured once for each CPU and kept. Where it cannot be kept it is measured each time: it takes
// some hundredths of a second, and gives the same.
func dotRate() float64 {
	cpu := run.Observe("", time.Time{}).Machine.CPU
	folder, err := os.UserCacheDir()
	if err != nil {
		return kernel.DotRate()
	}
	path := filepath.Join(folder, "sslctl", "cpu", "dots.json")
	var kept keptRate
	if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &kept) == nil && kept.CPU == cpu {
		return kept.Rate
	}
	kept = keptRate{cpu, kernel.DotRate()}
	if text, err := json.Marshal(kept); err == nil && os.MkdirAll(filepath.Dir(path), 0o755) == nil {
		_ = durable.WriteFile(path, text)
	}
	return kept.Rate
}

// products says how the CPU multiplies images that are stored in bfloat16, and why; "" where none are.
func products(c config.Config, p *kernel.Pool) string {
	switch rate := p.DotRate(); {
	case c.Device != "cpu" || c.Train.Precision != "bf16":
		return ""
	case rate == kernel.Everywhere:
		return "in bfloat16, as --cpu-isa " + dotISA + " demands"
	case rate > 1:
		return fmt.Sprintf("in bfloat16 where that is quicker: the CPU multiplies it at %g times the rate of float32", rate)
	case rate > 0:
		return fmt.Sprintf("in float32: the CPU multiplies bfloat16 at %g times its rate", rate)
	case c.CPUISA != "auto":
		return "in float32, as --cpu-isa " + c.CPUISA + " demands"
	}
	return "in float32: the CPU has no products in bfloat16"
}
