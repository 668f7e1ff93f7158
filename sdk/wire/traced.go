package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// Traced is all that a run needs of its plugins: the method's recipe and objective, the penalties that joined it, and the
// network of a backbone that came from one.
type Traced struct {
	Method       *method.Traced
	Regularisers []Regularisation  // in the order in which they are added
	Backbone     *backbone.Network // nil for a shipped one, which the configuration names
}

// Regularisation is a penalty that joined a method.
type Regularisation struct {
	Name    string
	Term    string  // its name in tables; "": Name
	Weight  float64 // factor in the loss
	Program *expr.Program
	On      string // what is regularised: "z", "p" or "y"
	Unit    bool   // the rows are l2-normalised first
}

// MaxRegularisers bounds the penalties of a run.
const MaxRegularisers = 64

// MarshalTraced encodes what a run folder keeps as program.pb. Equal values give equal bytes.
func MarshalTraced(t Traced) ([]byte, error) {
	m := toproto.Traced(t.Method)
	for _, r := range t.Regularisers {
		m.Regularisers = append(m.Regularisers, &methodv1.Regularisation{
			Name: r.Name, Term: r.Term, Weight: r.Weight, Program: toproto.Program(r.Program), On: r.On, Unit: r.Unit,
		})
	}
	if t.Backbone != nil {
		m.Network = toproto.Network(t.Backbone)
	}
	return encode(m)
}

// UnmarshalTraced decodes what MarshalTraced wrote, with every check of a plugin's answer.
func UnmarshalTraced(data []byte) (Traced, error) {
	m := &methodv1.Traced{}
	if err := decode(data, m); err != nil {
		return Traced{}, err
	}
	t, err := fromproto.Traced(m)
	if err != nil {
		return Traced{}, err
	}
	out := Traced{Method: t}
	if m.GetNetwork() != nil {
		if out.Backbone, err = fromproto.Network(m.GetNetwork()); err != nil {
			return Traced{}, fmt.Errorf("backbone: %w", err)
		}
	}
	if n := len(m.GetRegularisers()); n > MaxRegularisers {
		return Traced{}, fmt.Errorf("%d regularisers; at most %d", n, MaxRegularisers)
	}
	for _, r := range m.GetRegularisers() {
		if on := r.GetOn(); on != "z" && on != "p" && on != "y" {
			return Traced{}, fmt.Errorf("regulariser %q: it stands on %q; z, p or y", r.GetName(), on)
		}
		p, err := fromproto.Penalty(r.GetProgram())
		if err != nil {
			return Traced{}, fmt.Errorf("regulariser %q: %w", r.GetName(), err)
		}
		out.Regularisers = append(out.Regularisers, Regularisation{
			Name: r.GetName(), Term: r.GetTerm(), Weight: r.GetWeight(), Program: p, On: r.GetOn(), Unit: r.GetUnit(),
		})
	}
	return out, nil
}

// MarshalPenalty encodes a regulariser's answer.
func MarshalPenalty(p *expr.Program) ([]byte, error) {
	return encode(&methodv1.Traced{Program: toproto.Program(p)})
}

// UnmarshalPenalty decodes what MarshalPenalty wrote.
func UnmarshalPenalty(data []byte) (*expr.Program, error) {
	m := &methodv1.Traced{}
	if err := decode(data, m); err != nil {
		return nil, err
	}
	return fromproto.Penalty(m.GetProgram())
}

// MarshalNetwork encodes a backbone's answer. Equal networks give equal bytes.
func MarshalNetwork(n *backbone.Network) ([]byte, error) {
	return encode(&methodv1.Traced{Network: toproto.Network(n)})
}

// UnmarshalNetwork decodes what MarshalNetwork wrote, with every check of a plugin's answer.
func UnmarshalNetwork(data []byte) (*backbone.Network, error) {
	m := &methodv1.Traced{}
	if err := decode(data, m); err != nil {
		return nil, err
	}
	return fromproto.Network(m.GetNetwork())
}

// Marshal encodes a program. Equal programs give equal bytes.
func Marshal(p *expr.Program) ([]byte, error) { return encode(toproto.Program(p)) }

// Unmarshal decodes and validates a program.
func Unmarshal(data []byte) (*expr.Program, error) {
	m := &methodv1.Program{}
	if err := decode(data, m); err != nil {
		return nil, err
	}
	return fromproto.Program(m)
}

// encode is deterministic: the messages hold no map, and fields are written in the order of their numbers.
func encode(m proto.Message) ([]byte, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("encode: %d bytes; at most %d", len(data), MaxBytes)
	}
	return data, nil
}

func decode(data []byte, m proto.Message) error {
	if err := versions(data, m.ProtoReflect().Descriptor()); err != nil {
		return err
	}
	if err := measure(data, m.ProtoReflect().Descriptor()); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}
