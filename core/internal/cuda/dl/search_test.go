package dl

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSearchOrder(t *testing.T) {
	root := t.TempDir()
	for _, folder := range []string{
		"usr/local/cuda/lib64", "usr/local/cuda-12.9/lib64", "usr/local/cuda-12.10/lib64", "usr/local/cuda-13.0/lib64",
		"venv/lib/python3.11/site-packages/nvidia/cu13/lib", "conda/lib/python3.12/site-packages/nvidia/cudnn/lib",
		"home/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib", "usr/local/lib/python3.11/dist-packages/nvidia/cublas/lib",
		"venv/lib/python3.11/site-packages/torch/lib",
	} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	venv, conda, home := filepath.Join(root, "venv"), filepath.Join(root, "conda"), filepath.Join(root, "home")
	toolkits := []string{"usr/local/cuda/lib64", "usr/local/cuda-13.0/lib64", "usr/local/cuda-12.10/lib64", "usr/local/cuda-12.9/lib64"}
	for _, tc := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"nothing set", nil, slices.Concat([]string{"loader"}, toolkits, []string{"usr/local/lib/python3.11/dist-packages/nvidia/cublas/lib"})},
		{"given folders first", map[string]string{Variable: "/a:/b"}, slices.Concat([]string{"/a", "/b", "loader"}, toolkits, []string{"usr/local/lib/python3.11/dist-packages/nvidia/cublas/lib"})},
		{"given folders only", map[string]string{Variable: "/a:only"}, []string{"/a"}},
		{"nowhere", map[string]string{Variable: "only"}, nil},
		{"wheels, the nearest first", map[string]string{"VIRTUAL_ENV": venv, "CONDA_PREFIX": conda, "HOME": home}, slices.Concat([]string{"loader"}, toolkits, []string{
			"venv/lib/python3.11/site-packages/nvidia/cu13/lib", "conda/lib/python3.12/site-packages/nvidia/cudnn/lib",
			"home/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib", "usr/local/lib/python3.11/dist-packages/nvidia/cublas/lib"})},
		{"a folder that is no pattern", map[string]string{"VIRTUAL_ENV": "/[", Variable: "/a:only"}, []string{"/a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, p := range search(func(name string) string { return tc.env[name] }, root) {
				switch {
				case p.Folder == "":
					got = append(got, "loader")
				default:
					got = append(got, strings.TrimPrefix(p.Folder, root+"/"))
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMissingLibrarySaysWhereItWasSought(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "libx.so.2"), []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := In(empty, broken).Open(Spec{Name: "X", Files: []string{"libx.so.2", "libx.so.1"}, Hint: "install X"})
	var missing *MissingLibrary
	if !errors.As(err, &missing) {
		t.Fatalf("error %v, want *MissingLibrary", err)
	}
	if !Supported {
		if err.Error() != "X is missing: this binary was built without CUDA" || !strings.Contains(missing.Hint, "nocuda") {
			t.Errorf("error %q, hint %q", err, missing.Hint)
		}
		return
	}
	if missing.Name != "X" || missing.Hint != "install X" {
		t.Errorf("missing %+v", missing)
	}
	if !strings.HasPrefix(err.Error(), "X is missing: no libx.so.2 or libx.so.1 in "+empty+", "+broken+"; ") {
		t.Errorf("error %q does not say where, and why the file there did not do", err)
	}
}
