//go:build unix

package host_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// product is a custom op: the elementwise product of two matrices, and its sum. Its fields break it.
type product struct{ forward, backward func() error }

func (product) Name() string { return "product" }

func (product) Shapes(in []expr.Shape) ([]expr.Shape, error) {
	return []expr.Shape{in[0], {}}, nil
}

func (p product) Forward(in, out []expr.Array) error {
	for i, v := range in[0].Data {
		out[0].Data[i] = v * in[1].Data[i]
		out[1].Data[0] += v * in[1].Data[i]
	}
	return call(p.forward)
}

func (p product) Backward(in, _, grad, into []expr.Array) error {
	for i := range in[0].Data {
		g := grad[0].Data[i] + grad[1].Data[0]
		into[0].Data[i], into[1].Data[i] = g*in[1].Data[i], g*in[0].Data[i]
	}
	return call(p.backward)
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// withProduct is a method whose loss is a custom op, twice: once forward breaks, once backward.
type withProduct struct {
	simple
	op    product
	scale float64
}

func (m withProduct) Objective(e method.Embeddings, h method.Values) method.Loss {
	y := e.Z(0).Builder().Custom(m.op, e.Z(0), e.Z(1))
	return method.Sum(method.Term("product", m.scale, y.At(0).Square().Mean()), method.Term("sum", 1, y.At(1)))
}

// foreignCustom is what a plugin of the given name does, whose program has a custom op.
func foreignCustom(name string) {
	m := withProduct{simple: simple{name: name}, scale: 1}
	switch name {
	case "custom-good":
	case "custom-drift": // another program in each process
		m.scale = float64(os.Getpid())
	case "custom-error":
		m.op.forward = func() error { return errors.New("the matrix is singular") }
	case "custom-panic":
		m.op.backward = func() error { panic("cannot compute") }
	case "custom-die":
		m.op.backward = func() error {
			fmt.Fprintln(os.Stderr, "out of luck")
			os.Exit(9)
			return nil
		}
	case "custom-hang":
		m.op.forward = func() error { time.Sleep(time.Minute); return nil }
	case "custom-killed":
		m.op.forward = func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	case "custom-deaf": // closes every connection, and its socket
		m.op.forward = func() error {
			for fd := 5; fd < 64; fd++ {
				_ = syscall.Close(fd)
			}
			time.Sleep(time.Minute)
			return nil
		}
	case "custom-greedy":
		m.op.forward = func() error {
			var all [][]byte
			for {
				b := make([]byte, 64<<20)
				for i := range b {
					b[i] = 1
				}
				all = append(all, b)
				if len(all) == 64 { // 4 GiB, well above the limit
					return errors.New("there was no limit")
				}
			}
		}
	case "custom-escaped": // a child in a session of its own, which starts another
		m.op.forward = func() error {
			child := exec.Command("sh", "-c", "sleep 60 & sleep 60")
			child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := child.Start(); err != nil {
				return err
			}
			os.Exit(8)
			return nil
		}
	case "custom-children": // leaves children that ignore every polite signal
		m.op.forward = func() error {
			for range 8 {
				child := exec.Command("sh", "-c", "trap '' INT TERM HUP; sleep 60")
				child.Stdout, child.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
				if err := child.Start(); err != nil {
					return err
				}
			}
			os.Exit(7)
			return nil
		}
	default:
		serveRaw("SSLCTL_PLUGIN_COOKIE", 1, impostor{name: name, call: impostors()[name]})
		return
	}
	plugin.Serve(m)
}

// impostor traces as withProduct does and answers calls by itself, through messages alone.
type impostor struct {
	methodv1.UnimplementedPluginServiceServer
	name string
	call func(*methodv1.CallRequest) (*methodv1.CallResponse, error)
}

func (i impostor) Describe(context.Context, *methodv1.DescribeRequest) (*methodv1.DescribeResponse, error) {
	return &methodv1.DescribeResponse{Kind: methodv1.Kind_KIND_METHOD, Description: &methodv1.Description{Name: i.name}}, nil
}

func (i impostor) Trace(_ context.Context, m *methodv1.TraceRequest) (*methodv1.TraceResponse, error) {
	t, err := method.Trace(withProduct{scale: 1}, nil, method.Shapes{Batch: int(m.GetShapes().GetBatch()), Views: int(m.GetShapes().GetViews())})
	if err != nil {
		return nil, err
	}
	return &methodv1.TraceResponse{Traced: encoded(toproto.Traced(t))}, nil
}

func (i impostor) Open(ctx context.Context, m *methodv1.OpenRequest) (*methodv1.OpenResponse, error) {
	if i.call == nil {
		return i.UnimplementedPluginServiceServer.Open(ctx, m)
	}
	t, err := i.Trace(ctx, m.GetTrace())
	return &methodv1.OpenResponse{Traced: t.GetTraced()}, err
}

func (i impostor) Call(_ context.Context, m *methodv1.CallRequest) (*methodv1.CallResponse, error) {
	return i.call(m)
}

// impostors answer calls, by the name of the plugin.
func impostors() map[string]func(*methodv1.CallRequest) (*methodv1.CallResponse, error) {
	result := func(b []byte) (*methodv1.CallResponse, error) { return &methodv1.CallResponse{Result: b}, nil }
	return map[string]func(*methodv1.CallRequest) (*methodv1.CallResponse, error){
		// inline computes the product as a plugin without the SDK, such as one in another language, may.
		"custom-inline": func(m *methodv1.CallRequest) (*methodv1.CallResponse, error) {
			all := make([]float32, len(m.GetTensors())/4)
			if _, err := binary.Decode(m.GetTensors(), binary.LittleEndian, all); err != nil {
				return nil, err
			}
			n := int(m.GetInputs()[0].GetAxes()[0] * m.GetInputs()[0].GetAxes()[1])
			x, y, rest := expr.Array{Data: all[:n]}, expr.Array{Data: all[n : 2*n]}, all[2*n:]
			in, first, second := []expr.Array{x, y}, make([]float32, n), make([]float32, 1)
			if m.GetPass() == methodv1.Pass_PASS_BACKWARD {
				second = make([]float32, n)
				grad := []expr.Array{{Data: rest[n+1 : 2*n+1]}, {Data: rest[2*n+1:]}}
				_ = product{}.Backward(in, nil, grad, []expr.Array{{Data: first}, {Data: second}})
			} else {
				_ = product{}.Forward(in, []expr.Array{{Data: first}, {Data: second}})
			}
			out, err := binary.Append(nil, binary.LittleEndian, append(first, second...))
			if err != nil {
				return nil, err
			}
			return result(out)
		},
		"custom-short": func(*methodv1.CallRequest) (*methodv1.CallResponse, error) { return result([]byte("123")) },
		"custom-empty": func(*methodv1.CallRequest) (*methodv1.CallResponse, error) { return result(nil) },
		"custom-huge": func(*methodv1.CallRequest) (*methodv1.CallResponse, error) {
			return result(make([]byte, 65<<20))
		},
		"custom-verbose": func(*methodv1.CallRequest) (*methodv1.CallResponse, error) {
			return &methodv1.CallResponse{Diagnostics: []*methodv1.Diagnostic{{
				Severity: methodv1.Severity_SEVERITY_ERROR, Summary: strings.Repeat("no ", 1<<20), Detail: string(bytes.Repeat([]byte{'x'}, 1<<20)),
			}}}, nil
		},
	}
}
