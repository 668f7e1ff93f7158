package nvml

import (
	"errors"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

func TestLoad(t *testing.T) {
	f := fake.Start(t)
	l, err := Open(f.Search())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if v, err := l.DriverVersion(); err != nil || v != "580.00 (fake)" {
		t.Errorf("driver %q, %v", v, err)
	}
	d, err := l.Device("0000:01:00.0")
	if err != nil {
		t.Fatal(err)
	}
	want := Load{Utilisation: 87, Used: 3 << 30, Total: 80 << 30}
	if got, err := d.Load(); err != nil || got != want {
		t.Errorf("load %+v, %v, want %+v", got, err, want)
	}
	for _, function := range []string{"nvmlDeviceGetUtilizationRates", "nvmlDeviceGetMemoryInfo"} {
		f.Fail(function, 1, 15)
		_, err := d.Load()
		if failure := (*Error)(nil); !errors.As(err, &failure) || *failure != (Error{function, 15, "GPU is lost"}) {
			t.Errorf("%s fails: error %v", function, err)
		}
	}
}

func TestErrors(t *testing.T) {
	f := fake.Start(t)
	var missing *dl.MissingLibrary
	if _, err := Open(dl.In(t.TempDir())); !errors.As(err, &missing) || missing.Name != "NVML" {
		t.Errorf("no library: error %v", err)
	}
	f.Fail("nvmlInit_v2", 1, 9)
	if _, err := Open(f.Search()); err == nil || err.Error() != "nvmlInit_v2: Driver Not Loaded (9)" {
		t.Errorf("driver not loaded: error %v", err)
	}
	l, err := Open(f.Search())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Device("0000:F0:00.0"); err == nil {
		t.Error("found a GPU that is not there")
	}
	if err := l.Close(); err != nil || f.Calls("nvmlShutdown") != 1 {
		t.Errorf("close: %v, %d calls", err, f.Calls("nvmlShutdown"))
	}
}
