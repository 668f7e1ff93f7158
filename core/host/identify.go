package host

import (
	"context"
	"path/filepath"

	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Identity is what an executable says of itself.
type Identity struct {
	Kind        wire.Kind
	Description method.Description
	Protocol    int    // version that host and plugin spoke
	SHA256      string // of the executable, in hexadecimal
}

// Identify asks an executable of any name, in any folder, what plugin it is. Errors are faults of the plugin.
func (h *Host) Identify(ctx context.Context, path string) (Identity, error) {
	ref := Ref{Kind: "plugin", Name: filepath.Base(path), Path: path}
	ref, err := inspect(ref)
	if err != nil {
		return Identity{}, err
	}
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return Identity{}, err
	}
	defer leave()
	id, err := h.identify(ctx, ref)
	if err != nil {
		return Identity{}, h.blame(ctx, ref, err)
	}
	return id, h.free(Ref{Kind: id.Kind, Name: id.Description.Name, Path: path})
}

func (h *Host) identify(ctx context.Context, ref Ref) (Identity, error) {
	config, err := h.config(ref)
	if err != nil {
		return Identity{}, err
	}
	c, err := client.Start(ctx, config)
	if err != nil {
		return Identity{}, err
	}
	defer c.Close()
	limited, cancel := context.WithTimeout(ctx, h.options.DescribeTimeout)
	defer cancel()
	kind, d, err := c.Describe(limited)
	if err != nil {
		return Identity{}, err
	}
	return Identity{Kind: kind, Description: d, Protocol: c.Protocol(), SHA256: ref.SHA256}, nil
}
