package plugin

import (
	"fmt"
	"os"
	"strings"

	"github.com/sslctl/sslctl/sdk/wire"
)

// ServeKey is the variable by which sslctl tells a copy of itself to serve one of the methods that it ships:
// "method/vicreg".
const ServeKey = "SSLCTL_SERVE"

// Request is the value of ServeKey for a plugin.
func Request(kind wire.Kind, name string) string { return string(kind) + "/" + name }

// Requested reads a value of ServeKey; ok is false where nothing is requested.
func Requested(value string) (kind wire.Kind, name string, ok bool) {
	k, name, ok := strings.Cut(value, "/")
	return wire.Kind(k), name, ok && name != ""
}

// ServeRequested calls serve with what ServeKey asks of this process, and reports whether it asks for anything. Where
// serve fails the process says so and ends with status 1: its host reads that.
func ServeRequested(serve func(wire.Kind, string) error) bool {
	kind, name, requested := Requested(os.Getenv(ServeKey))
	if !requested {
		return false
	}
	if err := serve(kind, name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}
