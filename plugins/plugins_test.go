package plugins_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/plugins"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
)

// TestMain makes this binary serve what is shipped, as sslctl's main does.
func TestMain(m *testing.M) {
	if plugins.ServeRequested() {
		return
	}
	goleak.VerifyTestMain(m)
}

// TestNamesAreThoseOfTheDescriptions starts everything that is shipped.
func TestNamesAreThoseOfTheDescriptions(t *testing.T) {
	for kind, names := range plugins.Shipped() {
		for _, name := range names {
			c, err := client.Start(t.Context(), client.Config{
				Path: os.Args[0], Env: []string{plugin.ServeKey + "=" + plugin.Request(kind, name)},
			})
			if err != nil {
				t.Fatal(err)
			}
			got, d, err := c.Describe(t.Context())
			c.Close()
			if err != nil || got != kind || d.Name != name {
				t.Errorf("%s %s calls itself %s %s (%v)", kind, name, got, d.Name, err)
			}
		}
	}
}

// TestEachMethodHasAnExecutable holds the folders to the registry.
func TestEachMethodHasAnExecutable(t *testing.T) {
	mains, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, m := range mains {
		folders = append(folders, filepath.Dir(m))
	}
	if diff := cmp.Diff(plugins.Shipped()[wire.Method], folders); diff != "" {
		t.Errorf("registry and folders differ (-registry +folders):\n%s", diff)
	}
}

// TestExecutable builds a shipped plugin and asks it, with its checksum and without, and starts it by hand.
func TestExecutable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sslctl-method-byol")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, "./byol").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	c, err := client.Start(t.Context(), client.Config{Path: path, SHA256: sum[:]})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	shapes := method.Shapes{Batch: 8, Views: 2}
	got, err := c.Trace(t.Context(), nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	want, err := method.Trace(byol.Method{}, nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("over the wire (-want +got):\n%s", diff)
	}
	sum[0]++
	if _, err := client.Start(t.Context(), client.Config{Path: path, SHA256: sum[:]}); !errors.Is(err, client.ErrChecksum) {
		t.Errorf("another checksum: %v", err)
	}
	byHand(t, path)
}

func byHand(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command(path)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("by hand: %v", err)
	}
	if stdout.Len() > 0 {
		t.Errorf("by hand it prints %q where output belongs", &stdout)
	}
	for _, want := range []string{"byol 1.0.0 is a method for sslctl", "sslctl run --method byol --plugin-dir DIR", "sslctl-method-byol"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("by hand it says\n%s\nwithout %q", &stderr, want)
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for _, r := range []struct {
		kind wire.Kind
		name string
	}{{wire.Method, "cov"}, {wire.Regulariser, "byol"}, {wire.Method, ""}, {"", "byol"}} {
		if err := plugins.Serve(r.kind, r.name); err == nil {
			t.Errorf("%s %q is served", r.kind, r.name)
		}
	}
	_, err := client.Start(t.Context(), client.Config{Path: os.Args[0], Env: []string{plugin.ServeKey + "=method/zzz"}})
	if err == nil || !strings.Contains(err.Error(), `no method "zzz" is shipped`) {
		t.Errorf("an unknown request: %v", err)
	}
}
