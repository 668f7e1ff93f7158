package genuine

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// apart is the variable that tells a test that it runs in a process of its own.
const apart = "SSLCTL_TEST_APART"

// Apart reports whether the test may go on: it runs in a process of its own. Otherwise it lets the test run in one, and repeats
// how that went. A process holds one library of a name, so the real ones and the fakes must not meet.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apart) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), apart+"="+t.Name())
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("in a process of its own: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skip(string(out))
	default:
		t.Logf("%s", out)
	}
	return false
}
