//go:build unix

package host_test

import (
	"context"
	"os"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// first is the service as the first release of protocol 1 had it: Describe and Trace, and no call that came later.
type first struct {
	goplugin.NetRPCUnsupportedPlugin
	server methodv1.PluginServiceServer
}

func (p first) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	desc := methodv1.PluginService_ServiceDesc
	desc.Methods = nil
	for _, m := range methodv1.PluginService_ServiceDesc.Methods {
		if m.MethodName == "Describe" || m.MethodName == "Trace" {
			desc.Methods = append(desc.Methods, m)
		}
	}
	desc.Streams = nil
	s.RegisterService(&desc, p.server)
	return nil
}

func (first) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// foreignProtocol is a plugin of another age: of the first release, or of one to come, which still speaks protocol 1
// beside its own.
func foreignProtocol(name string) {
	os.Stdout = os.NewFile(1, "stdout")
	server := first{server: liar{name: name, lie: func(t *methodv1.Traced) []byte { return encoded(t) }}}
	spoken := map[int]goplugin.PluginSet{1: {"plugin": server}}
	if name == "next-protocol" {
		spoken[2] = goplugin.PluginSet{"another-service": server}
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: "SSLCTL_PLUGIN_COOKIE", MagicCookieValue: "7b1f0c2e5a6d4f3980e1c95b2d8a4471"},
		VersionedPlugins: spoken,
		GRPCServer:       goplugin.DefaultGRPCServer,
	})
}

// TestPluginsOfAnotherAge: host and plugin settle on the newest protocol that both speak, and what a plugin does not serve
// is not asked of it unless its program needs it.
func TestPluginsOfAnotherAge(t *testing.T) {
	s := newStage(t, "first-protocol", "next-protocol")
	want, err := method.Trace(simple{}, nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first-protocol", "next-protocol"} {
		got, provenance, err := s.trace(t, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if provenance.Protocol != 1 || wire.Digest(got.Program) != wire.Digest(want.Program) {
			t.Errorf("%s: protocol %d, program %s", name, provenance.Protocol, got.Program)
		}
	}
}
