//go:build unix

package host_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// simple is a method that works; its fields break it.
type simple struct {
	name      string
	formula   string
	describe  func()
	objective func()
}

func (s simple) Describe() method.Description {
	if s.describe != nil {
		s.describe()
	}
	return method.Description{
		Name: s.name, Version: "1.2.3", Formula: s.formula,
		Params: []method.Param{method.Float("scale", 2, "factor").AtLeast(0)},
	}
}

func (s simple) Recipe(method.Values) method.Recipe {
	return method.Recipe{Projector: method.Head{{Width: 8, Norm: method.Affine, ReLU: true}, {Width: 4, Bias: true}}}
}

func (s simple) Objective(e method.Embeddings, h method.Values) method.Loss {
	if s.objective != nil {
		s.objective()
	}
	return method.Sum(method.Term("distance", h.Float("scale"), e.Z(0).MSE(e.Z(1))))
}

// foreignPlugin is what a plugin of the given name does.
func foreignPlugin(name string) {
	if strings.HasPrefix(name, "custom-") {
		foreignCustom(name)
		return
	}
	s := simple{name: name}
	switch name {
	case "first-protocol", "next-protocol":
		foreignProtocol(name)
		return
	case "good":
	case "prints":
		fmt.Println("printed before the handshake")
		s.objective = func() {
			fmt.Println("printed while asked")
			plugin.Logger("author").Warn("logged while asked")
		}
	case "odd-log": // would crash a host that trusts its log
		fmt.Fprintln(os.Stderr, `{"@message": 5, "@level": [], "@timestamp": {}}`)
		fmt.Fprintln(os.Stderr, strings.Repeat("x", 1<<20))
	case "environment":
		s.formula = strings.Join(os.Environ(), "\n")
	case "crash-start":
		fmt.Fprintln(os.Stderr, "no licence found")
		os.Exit(3)
	case "panic-describe":
		s.describe = func() { panic("cannot describe") }
	case "panic-trace":
		s.objective = func() { panic("cannot trace") }
	case "die-trace":
		s.objective = func() {
			fmt.Fprintln(os.Stderr, "about to die")
			time.AfterFunc(0, func() { panic("died in the background") })
			time.Sleep(time.Minute)
		}
	case "hang-start":
		time.Sleep(time.Minute)
	case "hang-trace":
		s.objective = func() {
			_ = os.WriteFile(filepath.Join(os.TempDir(), "pid"), fmt.Append(nil, os.Getpid()), 0o600)
			time.Sleep(time.Minute)
		}
	case "child": // leaves a child behind that holds its streams
		child := exec.Command("sleep", "60")
		child.Stdout, child.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
		if err := child.Start(); err != nil {
			panic(err)
		}
		_ = os.WriteFile(filepath.Join(os.TempDir(), "pid"), fmt.Append(nil, child.Process.Pid), 0o600)
	case "crowd": // of processes, half of which leave the group
		s.objective = func() {
			for i := range 100 {
				child := exec.Command("sleep", "60")
				child.SysProcAttr = &syscall.SysProcAttr{Setsid: i%2 == 0}
				if err := child.Start(); err != nil {
					panic(err)
				}
			}
			time.Sleep(time.Minute)
		}
	case "noise":
		_, _ = os.NewFile(1, "stdout").WriteString("Welcome to my method!\n")
		time.Sleep(time.Minute)
	case "wrong-cookie":
		serveRaw("ANOTHER_COOKIE", 1, nil)
	case "wrong-protocol":
		serveRaw("SSLCTL_PLUGIN_COOKIE", 2, liar{name: name})
	case "other-name":
		s.name = "somebody-else"
	default:
		serveRaw("SSLCTL_PLUGIN_COOKIE", 1, liar{name: name, lie: lies()[name]})
		return
	}
	plugin.Serve(s)
}

// serveRaw serves without the SDK. Cookie, value and version are written out: they are what every plugin that was ever
// built holds, and must never change.
func serveRaw(cookie string, version int, server methodv1.PluginServiceServer) {
	os.Stdout = os.NewFile(1, "stdout") // which the SDK, that this binary holds too, has set aside
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: cookie, MagicCookieValue: "7b1f0c2e5a6d4f3980e1c95b2d8a4471"},
		VersionedPlugins: map[int]goplugin.PluginSet{version: {"plugin": rawPlugin{server: server}}},
		GRPCServer:       goplugin.DefaultGRPCServer,
	})
}

type rawPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	server methodv1.PluginServiceServer
}

func (p rawPlugin) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	methodv1.RegisterPluginServiceServer(s, p.server)
	return nil
}

func (p rawPlugin) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// liar answers with a traced objective that a lie has changed.
type liar struct {
	methodv1.UnimplementedPluginServiceServer
	name string
	lie  func(*methodv1.Traced) []byte
}

func (l liar) Describe(context.Context, *methodv1.DescribeRequest) (*methodv1.DescribeResponse, error) {
	return &methodv1.DescribeResponse{Kind: methodv1.Kind_KIND_METHOD, Description: &methodv1.Description{Name: l.name}}, nil
}

func (l liar) Trace(_ context.Context, m *methodv1.TraceRequest) (*methodv1.TraceResponse, error) {
	t, err := method.Trace(simple{}, nil, method.Shapes{Batch: int(m.GetShapes().GetBatch()), Views: int(m.GetShapes().GetViews())})
	if err != nil {
		return nil, err
	}
	return &methodv1.TraceResponse{Traced: l.lie(toproto.Traced(t))}, nil
}

// lies are the programs that a host must refuse, by the name of the plugin that tells them.
func lies() map[string]func(*methodv1.Traced) []byte {
	change := func(f func(*methodv1.Traced)) func(*methodv1.Traced) []byte {
		return func(t *methodv1.Traced) []byte {
			f(t)
			return encoded(t)
		}
	}
	return map[string]func(*methodv1.Traced) []byte{
		"huge":          func(*methodv1.Traced) []byte { return make([]byte, 65<<20) },
		"many-steps":    func(*methodv1.Traced) []byte { return inflated() },
		"not-protobuf":  func(*methodv1.Traced) []byte { return []byte("hello") },
		"empty":         func(*methodv1.Traced) []byte { return nil },
		"wrong-shape":   change(func(t *methodv1.Traced) { t.Program.Steps[0].Shape.Axes[0]++ }),
		"wrong-input":   change(func(t *methodv1.Traced) { t.Program.Inputs[0].Shape.Axes[0]++ }),
		"secret-input":  change(func(t *methodv1.Traced) { t.Program.Inputs[0].Name = "labels" }),
		"unknown-op":    change(func(t *methodv1.Traced) { t.Program.Steps[0].Op = "exec" }),
		"cycle":         change(func(t *methodv1.Traced) { t.Program.Steps[0].In[0] = uint32(len(t.Program.Inputs)) }),
		"future-format": change(func(t *methodv1.Traced) { t.Program.Version.Format = 9 }),
		"future-ops":    change(func(t *methodv1.Traced) { t.Program.Version.OpSets[0].Version = expr.OpSet + 1 }),
		"no-loss":       change(func(t *methodv1.Traced) { t.Program.Outputs[0].Name = "lost" }),
		"no-term":       change(func(t *methodv1.Traced) { t.Terms[0].Name = "another" }),
		"wide-head":     change(func(t *methodv1.Traced) { t.Recipe.Projector.Layers[0].Width = 1 << 40 }),
	}
}
