package experiment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
)

// TestProducts: what a configuration asks of products in bfloat16 is what the pool does, and what is told.
func TestProducts(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, c := range []struct {
		isa, precision, device string
		rate                   func() float64
		told                   string
	}{
		{"auto", "fp32", "cpu", func() float64 { return 0 }, ""},
		{"auto", "bf16", "cpu", kernel.DotRate, "in "},
		{"generic", "bf16", "cpu", func() float64 { return 0 }, "in float32, as --cpu-isa generic demands"},
		{"auto", "bf16", "cuda", kernel.DotRate, ""},
		{dotISA, "bf16", "cpu", func() float64 { return kernel.Everywhere }, "in bfloat16, as --cpu-isa avx512-bf16 demands"},
	} {
		configured := config.Config{CPUISA: c.isa, Device: c.device, Threads: 1, Train: config.Train{Precision: c.precision}}
		p, err := NewPool(configured)
		if c.isa == dotISA && !kernel.AVX512.Dots() {
			if fault.CodeOf(err) != fault.Device {
				t.Errorf("%s on a CPU without it: %v", c.isa, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if got := p.DotRate(); got != c.rate() {
			t.Errorf("%+v: a rate of %g, want %g", configured, got, c.rate())
		}
		if told := products(configured, p); !strings.HasPrefix(told, c.told) || (told == "") != (c.told == "") {
			t.Errorf("%+v: told %q, want %q", configured, told, c.told)
		}
	}
}

// TestDotRateIsKept: a second look takes what the first wrote, unless it is another CPU's or spoilt.
func TestDotRateIsKept(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache) // macOS
	folder, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	measured := dotRate()
	file := filepath.Join(folder, "sslctl", "cpu", "dots.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const other = `"rate":16`
	kept := string(text[:strings.Index(string(text), `"rate"`)]) + other + "}"
	for _, c := range []struct {
		written string
		want    float64
	}{{kept, 16}, {strings.Replace(kept, `"cpu":"`, `"cpu":"another `, 1), measured}, {kept[:len(kept)-3], measured}} {
		if err := os.WriteFile(file, []byte(c.written), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := dotRate(); got != c.want {
			t.Errorf("%s: a rate of %g, want %g", c.written, got, c.want)
		}
	}
}
