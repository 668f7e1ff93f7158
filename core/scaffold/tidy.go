package scaffold

import (
	"context"
	"os/exec"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
)

// Tidy lets Go complete a project's go.mod and go.sum, as `go mod tidy` does by hand. Where modules are missing from Go's
// cache it uses the network. The error says that the project is there all the same.
func Tidy(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "tidy")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fault.New(fault.Data, "the project is written; install Go from https://go.dev/dl/ or check the network, then run go mod tidy in it",
			"go mod tidy in %s: %w: %s", dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}
