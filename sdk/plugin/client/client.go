package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/sslctl/sslctl/sdk/plugin/internal/handshake"
	"github.com/sslctl/sslctl/sdk/plugin/internal/memory"
	"github.com/sslctl/sslctl/sdk/wire"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Config says which plugin to start and how.
type Config struct {
	Path   string      // executable
	Env    []string    // the plugin's whole environment, beside what the handshake needs
	SHA256 []byte      // of the executable, checked before it starts; nil: unchecked
	Logger *zap.Logger // receives what the plugin logs and prints; nil: nothing is logged

	StartTimeout time.Duration // until the plugin is ready; 0: 10 s
	TempDir      string        // where the folder of its sockets is made; "": the shortest usable one
	Memory       uint64        // bytes that the process may have for itself, where the system can bound it (Linux); 0: 8 GiB
	Floats       int           // of memory shared with the plugin, where the system has any; 0: none
}

const (
	defaultStartTimeout = 10 * time.Second
	defaultMemory       = 8 << 30
	// closeGrace is what a plugin gets to end by itself before it is killed, with its children.
	closeGrace = time.Second
)

// ErrChecksum says that an executable is not the one that was expected.
var ErrChecksum = plugin.ErrChecksumsDoNotMatch

// Client is a running plugin. It is not safe for concurrent use, but for the custom ops that it computes.
type Client struct {
	process  *process
	plugin   *plugin.Client
	service  methodv1.PluginServiceClient
	printed  [2]*printer
	sockets  string      // folder
	unlink   func() bool // ends the watch on the context
	logger   *zap.Logger
	lifeline *os.File
	calls    calls
}

// Start starts a plugin and waits until it is ready. The plugin is killed when ctx ends. Whatever the error, nothing of
// the plugin is left.
func Start(ctx context.Context, config Config) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := prepare(config)
	if err != nil {
		return nil, err
	}
	timeout := config.StartTimeout
	if timeout == 0 {
		timeout = defaultStartTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	unlink := context.AfterFunc(limited, c.process.kill)
	err = c.connect()
	unlink()
	if err != nil {
		c.Close()
		return nil, c.process.explain(err, limited.Err() != nil && ctx.Err() == nil, timeout, ctx.Err())
	}
	c.unlink = context.AfterFunc(ctx, c.process.kill)
	return c, nil
}

// prepare gathers what a process needs: the lifeline, the folder of its sockets, go-plugin's client around it.
func prepare(config Config) (*Client, error) {
	logger := config.Logger
	if logger == nil {
		logger = zap.NewNop()
	}
	sockets, err := socketDir(config.TempDir)
	if err != nil {
		return nil, err
	}
	read, write, err := os.Pipe()
	if err != nil {
		_ = os.RemoveAll(sockets)
		return nil, fmt.Errorf("make a lifeline: %w", err)
	}
	shared, err := share(config.Floats, logger)
	if err != nil {
		_ = errors.Join(read.Close(), write.Close(), os.RemoveAll(sockets))
		return nil, err
	}
	memory := config.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	c := &Client{
		calls:   calls{shared: shared},
		process: &process{path: config.Path, sha256: config.SHA256, inherit: handedDown(read, shared), logger: logger, sockets: sockets, memory: memory, gone: make(chan struct{}), done: make(chan struct{})},
		printed: [2]*printer{{logger: logger, stream: "stdout"}, {logger: logger, stream: "stderr"}},
		sockets: sockets, logger: logger, lifeline: write,
	}
	c.plugin = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  handshake.Cookie(),
		VersionedPlugins: handshake.Plugins(nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     defaultStartTimeout + config.StartTimeout, // Start's own limit comes first
		Logger:           bridge(logger),
		SyncStdout:       c.printed[0],
		SyncStderr:       c.printed[1],
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: sockets},
		GRPCDialOptions:  dialOptions(),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (runner.Runner, error) {
			return c.process, c.process.configure(append(environment(config.Env, logger, shared), spec.Env...))
		},
	})
	return c, nil
}

func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxBytes), grpc.MaxCallSendMsgSize(wire.MaxBytes)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: 5 * time.Second}),
	}
}

func environment(env []string, logger *zap.Logger, shared *memory.Region) []string {
	out := []string{
		handshake.LogLevelKey + "=" + logger.Level().String(),
		handshake.LifelineKey + "=3", // the first of the inherited files
	}
	if shared != nil {
		out = append(out, handshake.MemoryKey+"=4") // the second
	}
	return append(out, env...)
}

// handedDown are the files that the process gets, from number 3 on.
func handedDown(lifeline *os.File, shared *memory.Region) []*os.File {
	if shared == nil {
		return []*os.File{lifeline}
	}
	return []*os.File{lifeline, shared.File()}
}

func (c *Client) connect() error {
	protocol, err := c.plugin.Client()
	if err != nil {
		return err
	}
	service, err := protocol.Dispense(handshake.Service)
	if err != nil {
		return err
	}
	c.service = service.(methodv1.PluginServiceClient)
	return nil
}

// Protocol is the version of the protocol that both sides speak.
func (c *Client) Protocol() int { return c.plugin.NegotiatedVersion() }

// PID is the process's number.
func (c *Client) PID() string { return c.process.ID() }

// Close ends the plugin and removes what it left. It may be called again.
func (c *Client) Close() {
	if c.unlink != nil {
		c.unlink()
	}
	guard := time.AfterFunc(closeGrace, c.process.kill)
	c.plugin.Kill()
	guard.Stop()
	for _, p := range c.printed {
		p.close()
	}
	_ = c.lifeline.Close()
	c.process.release()
	if err := c.calls.shared.Close(); err != nil {
		c.logger.Warn("free the memory shared with the plugin", zap.Error(err))
	}
	if err := os.RemoveAll(c.sockets); err != nil {
		c.logger.Warn("remove the plugin's sockets", zap.Error(err))
	}
}

// maxSocketDir leaves room for go-plugin's own folder and file names: a socket's path ends at 104 bytes on some systems.
const maxSocketDir = 60

// socketDir makes a folder that only the user may enter, in the first place whose name is short enough.
func socketDir(base string) (string, error) {
	candidates := []string{base}
	if base == "" {
		candidates = []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir(), "/tmp"}
	}
	var failures []error
	for _, dir := range candidates {
		if dir == "" {
			continue
		}
		made, err := os.MkdirTemp(dir, handshake.SocketDirPrefix)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if len(filepath.Clean(made)) <= maxSocketDir {
			return made, nil
		}
		failures = append(failures, fmt.Errorf("%s is too long for sockets", made), os.Remove(made))
	}
	return "", fmt.Errorf("make a folder for the plugin's sockets: %w", errors.Join(failures...))
}

var _ io.Writer = (*printer)(nil)
