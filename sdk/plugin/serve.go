package plugin

import (
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/internal/handshake"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Serve serves a method to the host that started this process, until the host has done. Started by hand, it says what
// it is and exits with status 1.
func Serve(m method.Method) {
	serve(newService(wire.Method, m.Describe, methodTracer(m)))
}

// ServeRegulariser is Serve for a regulariser.
func ServeRegulariser(r method.Regulariser) {
	serve(newService(wire.Regulariser, r.Describe, regulariserTracer(r)))
}

// ServeBackbone is Serve for a backbone.
func ServeBackbone(b backbone.Backbone) {
	serve(newService(wire.Backbone, b.Describe, backboneTracer(b)))
}

func serve(s *service) {
	if !handshake.Started(os.Getenv) {
		fmt.Fprint(os.Stderr, s.introduction())
		os.Exit(1)
	}
	line := watchHost()
	defer line.release()
	defer s.calls.end()
	releaseStdout()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  handshake.Cookie(),
		VersionedPlugins: handshake.Plugins(s),
		GRPCServer:       newServer,
		Logger: hclog.New(&hclog.LoggerOptions{
			Name: "go-plugin", Level: hclog.Warn, Output: stdio.err, JSONFormat: true,
		}),
	})
}

func newServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts,
		grpc.MaxRecvMsgSize(wire.MaxBytes), grpc.MaxSendMsgSize(wire.MaxBytes), grpc.UnaryInterceptor(recoverPanic))...)
}

// introduction is what a plugin says that was started by hand.
func (s *service) introduction() string {
	d := s.describe()
	use := fmt.Sprintf("sslctl run --method %s --plugin-dir DIR", d.Name)
	switch s.kind {
	case wire.Regulariser:
		use = fmt.Sprintf("sslctl run --add-reg %s --plugin-dir DIR", d.Name)
	case wire.Backbone:
		use = fmt.Sprintf("sslctl run --backbone %s --plugin-dir DIR", d.Name)
	}
	return fmt.Sprintf("%s %s is a %s for sslctl, which starts it by itself:\n\n    %s\n\nDIR is the folder of this file, named sslctl-%s-%s.\n",
		d.Name, d.Version, s.kind, use, s.kind, d.Name)
}
