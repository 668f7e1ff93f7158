// Package plugins is the registry of what sslctl ships. Each method has an executable of its own in a folder below; the
// sslctl binary serves them all as well, by starting itself as the plugin process, so that one file is enough.
//
// The binary needs two calls: [ServeRequested] first thing in main, and [Shipped] for the host.
package plugins

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
	"github.com/sslctl/sslctl/sdk/wire"
)

func methods() map[string]method.Method {
	return map[string]method.Method{
		"barlowtwins": barlowtwins.Method{},
		"byol":        byol.Method{},
		"simsiam":     simsiam.Method{},
		"vicreg":      vicreg.Method{},
	}
}

func regularisers() map[string]method.Regulariser {
	return map[string]method.Regulariser{
		"cov": reg.Cov{},
		"var": reg.Var{},
	}
}

// Shipped names what the binary serves itself, in alphabetical order.
func Shipped() map[wire.Kind][]string {
	return map[wire.Kind][]string{
		wire.Method:      slices.Sorted(maps.Keys(methods())),
		wire.Regulariser: slices.Sorted(maps.Keys(regularisers())),
	}
}

// ServeRequested serves what the host that started this process asks for, until the host has done, and reports whether
// it did. Nothing is asked of a process that a user starts: then it returns false at once.
func ServeRequested() bool { return plugin.ServeRequested(Serve) }

// Serve serves a shipped method or regulariser until the host has done.
func Serve(kind wire.Kind, name string) error {
	if m, ok := methods()[name]; ok && kind == wire.Method {
		plugin.Serve(m)
		return nil
	}
	if r, ok := regularisers()[name]; ok && kind == wire.Regulariser {
		plugin.ServeRegulariser(r)
		return nil
	}
	return fmt.Errorf("no %s %q is shipped", kind, name)
}
