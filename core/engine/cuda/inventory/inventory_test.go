package inventory

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

func TestNothing(t *testing.T) {
	i := take(dl.In(t.TempDir()))
	for _, l := range i.Libraries {
		var missing *dl.MissingLibrary
		if !errors.As(l.Err, &missing) || l.Hint == "" || l.Version != "" || l.Path != "" {
			t.Errorf("%s: %+v, want it missing, with a hint", l.Name, l)
		}
	}
	if err := i.Usable(); err == nil || !strings.HasPrefix(err.Error(), "NVIDIA driver is missing") {
		t.Errorf("usable: %v, want that the driver is missing", err)
	}
}

func TestEverything(t *testing.T) {
	t.Setenv("FAKE_CUDA_DEVICES", "2")
	f := fake.Start(t)
	i := take(f.Search())
	if err := i.Usable(); err != nil {
		t.Errorf("not usable: %v", err)
	}
	want := []GPU{{"cuda:0", "Fake GPU", "9.0", 4 << 30, 4, true}, {"cuda:1", "Fake GPU", "9.0", 4 << 30, 4, true}}
	if diff := cmp.Diff(want, i.GPUs); diff != "" {
		t.Errorf("GPUs (-want +got):\n%s", diff)
	}
	for _, l := range i.Libraries {
		if l.Err != nil || l.Version == "" || filepath.Dir(l.Path) != fake.Folder(t) {
			t.Errorf("%s: %+v, want it found in %s", l.Name, l, fake.Folder(t))
		}
	}
	if driver, own := i.Libraries[0].Version, i.Libraries[4].Version; driver != "CUDA 13.0" || own != "580.00 (fake)" {
		t.Errorf("the driver has version %q, %q", driver, own)
	}
}

func TestWhatHinders(t *testing.T) {
	for _, tc := range []struct {
		name, variable, value, want, hint string
	}{
		{"no GPU", "FAKE_CUDA_DEVICES", "0", "CUDA_ERROR_NO_DEVICE", "CUDA_VISIBLE_DEVICES"},
		{"an old driver", "FAKE_CUDA_DRIVER", "11040", "has version CUDA 11.4; CUDA 12.0 or newer is needed", "update"},
		{"a driver older than the compiler", "FAKE_CUDA_DRIVER", "12040", "NVRTC is missing: no libnvrtc.so.12", "nvidia-cuda-nvrtc-cu12"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv(tc.variable, tc.value)
			f := fake.Start(t)
			i := take(f.Search())
			err := i.Usable()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("usable: %v, want %q", err, tc.want)
			}
			for _, l := range i.Libraries {
				if l.Err == err && !strings.Contains(l.Hint, tc.hint) {
					t.Errorf("hint %q, want %q in it", l.Hint, tc.hint)
				}
			}
		})
	}
	if err := (Inventory{}).Usable(); err == nil || errors.Is(err, drv.ErrNoDevice) {
		t.Errorf("an empty inventory: %v", err)
	}
}
