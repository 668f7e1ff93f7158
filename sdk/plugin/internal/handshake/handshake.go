// Package handshake holds what the two halves of a plugin connection must agree on. The values never change: a plugin
// built today must be told apart, years from now, from a program that is no plugin.
package handshake

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Version is the version of the protocol: the v1 of the protobuf package sslctl.method.v1.
const Version = 1

// Service is the name under which go-plugin dispenses the service.
const Service = "plugin"

// The variables that tell a plugin process about its host, beside go-plugin's own.
const (
	CookieKey   = "SSLCTL_PLUGIN_COOKIE"
	cookieValue = "7b1f0c2e5a6d4f3980e1c95b2d8a4471"
	LogLevelKey = "SSLCTL_LOG_LEVEL"       // zap's level names
	LifelineKey = "SSLCTL_PLUGIN_LIFELINE" // file descriptor that ends when the host does
	MemoryKey   = "SSLCTL_PLUGIN_MEMORY"   // file descriptor of the memory shared with the host; unset without
)

// SocketDirPrefix begins the name of the folder that a host makes for a plugin's sockets.
const SocketDirPrefix = "sslctl-"

// Cookie tells a plugin that a host has started it. It is a courtesy to whoever runs the plugin by hand, not a secret.
func Cookie() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{MagicCookieKey: CookieKey, MagicCookieValue: cookieValue}
}

// Started reports whether the environment is that of a plugin process.
func Started(getenv func(string) string) bool { return getenv(CookieKey) == cookieValue }

// Plugins is what both halves give go-plugin: the service of the one version that there is. The plugin's half passes
// its server, the host's nil.
func Plugins(server methodv1.PluginServiceServer) map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{Version: {Service: &grpcPlugin{server: server}}}
}

type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server methodv1.PluginServiceServer
}

var _ plugin.GRPCPlugin = (*grpcPlugin)(nil)

func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if p.server == nil {
		return fmt.Errorf("this process is a host and serves no plugin")
	}
	methodv1.RegisterPluginServiceServer(s, p.server)
	return nil
}

func (p *grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return methodv1.NewPluginServiceClient(c), nil
}
