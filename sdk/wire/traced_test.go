package wire_test

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

func traced(t testing.TB, m method.Method) wire.Traced {
	t.Helper()
	shapes := method.Shapes{Batch: 8, Views: 2}
	objective, err := method.Trace(m, nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	shapes.Embedding = 16
	penalty, err := method.TraceRegulariser(reg.Cov{}, nil, shapes, true)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Traced{Method: objective, Regularisers: []wire.Regularisation{
		{Name: "cov", Term: "covariance", Weight: 0.5, Program: penalty, On: "y", Unit: true},
		{Name: "again", Weight: 2, Program: penalty, On: "z"},
	}}
}

func TestTracedComesBack(t *testing.T) {
	for _, m := range shipped() {
		want := traced(t, m)
		data, err := wire.MarshalTraced(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.UnmarshalTraced(data)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
		again, err := wire.MarshalTraced(got)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%s: encoding what was decoded gives other bytes", m.Describe().Name)
		}
	}
}

// everything is a program in which each attribute has a value of its own.
func everything() *expr.Program {
	a := fill[expr.Attrs]()
	return &expr.Program{
		Inputs:  []expr.Port{{Name: "x", Shape: expr.Shape{2, 3}}, {Name: "s", Shape: expr.Shape{}}},
		Steps:   []expr.Step{{Kind: expr.Affine, Attrs: a, In: []int{0}, Shape: expr.Shape{2, 3}}, {Kind: expr.Sub, In: []int{2, 0}, Shape: expr.Shape{2, 3}}},
		Outputs: []expr.Output{{Name: "loss", Value: 3}, {Name: "penalty", Value: 1}},
	}
}

func TestEveryFieldOfAProgramTravels(t *testing.T) {
	want := everything()
	data, err := wire.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
	data, err = wire.MarshalPenalty(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = wire.UnmarshalPenalty(data); err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

// foreign is a program with a custom op.
func foreign() *expr.Program {
	return &expr.Program{
		Inputs: []expr.Port{{Name: "z0", Shape: expr.Shape{3, 2}}},
		Steps: []expr.Step{
			{Kind: expr.Custom, In: []int{0}, Attrs: expr.Attrs{Custom: "coding-rate", Shape: []int{1}}, Shape: expr.Shape{1}},
			{Kind: expr.Reshape, In: []int{1}, Shape: expr.Shape{}},
		},
		Outputs: []expr.Output{{Name: "penalty", Value: 2}},
	}
}

// TestCustomOpsNeedAnOpSetOfTheirOwn: a host that knows none refuses the program for that; programs without any are
// written as before.
func TestCustomOpsNeedAnOpSetOfTheirOwn(t *testing.T) {
	data, err := wire.Marshal(foreign())
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, foreign())
	m := toproto.Program(foreign())
	if sets := m.GetVersion().GetOpSets(); len(sets) != 2 || sets[1].GetDomain() != "sslctl.custom" || sets[1].GetVersion() != 1 {
		t.Errorf("op sets %v", sets)
	}
	m.Version.OpSets = m.Version.OpSets[:1]
	if _, err := fromproto.Program(m); !matches(err, `custom op "coding-rate" that does not name the op set`) {
		t.Error(err)
	}
	m = toproto.Program(foreign())
	m.Steps[0].Attrs.Custom = nil
	if _, err := fromproto.Program(m); !matches(err, `"" is no name of a custom op`) {
		t.Error(err)
	}
	if sets := toproto.Program(everything()).GetVersion().GetOpSets(); len(sets) != 1 {
		t.Errorf("op sets of a program without custom ops %v", sets)
	}
}

// TestDigestIsThatOfThePaper holds the digest to testdata/digest.py, which was written from its description.
func TestDigestIsThatOfThePaper(t *testing.T) {
	p := &expr.Program{
		Inputs: []expr.Port{{Name: "z0", Shape: expr.Shape{3, 2}}, {Name: "ζ", Shape: expr.Shape{3, 2}}},
		Steps: []expr.Step{
			{Kind: expr.MatMul, In: []int{0, 1}, Attrs: expr.Attrs{TransB: true}, Shape: expr.Shape{3, 3}},
			{Kind: expr.Affine, In: []int{2}, Attrs: expr.Attrs{Alpha: -0.1, Beta: 2.5}, Shape: expr.Shape{3, 3}},
			{Kind: expr.Sum, In: []int{3}, Attrs: expr.Attrs{Axes: []int{0, 1}}, Shape: expr.Shape{}},
		},
		Outputs: []expr.Output{{Name: "loss", Value: 4}},
	}
	const want = "e75384b95d461675c4884151fe936c80f2e2bbf51ff569d4c05ad787afb1fe5b"
	if got := wire.Digest(p); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	const wantCustom = "9d0ba54a5191ddb987e32e9ccd0b550c2ef06b5d18d69f11c4f4829f18a67483"
	if got := wire.Digest(foreign()); got != wantCustom {
		t.Errorf("digest with a custom op %s, want %s", got, wantCustom)
	}
}

// TestDigestCoversEveryField changes one thing at a time.
func TestDigestCoversEveryField(t *testing.T) {
	seen := map[string]string{wire.Digest(everything()): "nothing"}
	try := func(what string, change func(*expr.Program)) {
		p := everything()
		change(p)
		d := wire.Digest(p)
		if other, known := seen[d]; known {
			t.Errorf("changing %s gives the digest of changing %s", what, other)
		}
		seen[d] = what
	}
	for i := range reflect.TypeFor[expr.Attrs]().NumField() {
		try("attribute "+reflect.TypeFor[expr.Attrs]().Field(i).Name, func(p *expr.Program) {
			reflect.ValueOf(&p.Steps[0].Attrs).Elem().Field(i).SetZero()
		})
	}
	try("a kind", func(p *expr.Program) { p.Steps[0].Kind = expr.Square })
	try("an operand", func(p *expr.Program) { p.Steps[0].In[0] = 1 })
	try("a step's shape", func(p *expr.Program) { p.Steps[0].Shape[0]++ })
	try("an input's name", func(p *expr.Program) { p.Inputs[0].Name = "y" })
	try("an input's shape", func(p *expr.Program) { p.Inputs[0].Shape[1]++ })
	try("an output's name", func(p *expr.Program) { p.Outputs[0].Name = "lost" })
	try("an output's value", func(p *expr.Program) { p.Outputs[0].Value = 2 })
	try("the order of outputs", func(p *expr.Program) { p.Outputs[0], p.Outputs[1] = p.Outputs[1], p.Outputs[0] })
	try("the number of outputs", func(p *expr.Program) { p.Outputs = p.Outputs[:1] })
}

func TestBadBytesAreRefused(t *testing.T) {
	field := func(num protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), value)
	}
	bent := func(bend func(*methodv1.Traced)) []byte {
		m := toproto.Traced(traced(t, byol.Method{}).Method)
		bend(m)
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	good := bent(func(*methodv1.Traced) {})
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"as it should be", good, ""},
		{"nothing", nil, "recipe: it is missing"},
		{"cut off", good[:len(good)-1], "decode"},
		{"an unknown field", append(bytes.Clone(good), field(99, nil)...), "sslctl.method.v1.Traced has no field 99"},
		{"an unknown field of a step", field(2, field(3, field(77, nil))), "sslctl.method.v1.Step has no field 77"},
		{"a number where a message belongs", protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1), "wrong wire type"},
		{"half a gigabyte of numbers", field(2, field(3, field(3, bytes.Repeat(field(16, bytes.Repeat([]byte{0}, 1<<20)), 16)))), "64 MiB of memory"},
		{"more than the limit", make([]byte, wire.MaxBytes+1), "decode"},
		{"a future format before what is unknown", field(2, append(field(1, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2)), field(77, nil)...)), "program of format 2; this sslctl reads format 1"},
		{"a future op set", bent(func(m *methodv1.Traced) { m.Program.Version.OpSets[0].Version++ }), `needs op set "sslctl.core" version 2`},
		{"another op set", bent(func(m *methodv1.Traced) {
			m.Program.Version.OpSets = append(m.Program.Version.OpSets, &methodv1.OpSet{Domain: "acme", Version: 1})
		}), `needs op set "acme" version 1`},
		{"no op set", bent(func(m *methodv1.Traced) { m.Program.Version.OpSets = nil }), "names no op set"},
		{"no version", bent(func(m *methodv1.Traced) { m.Program.Version = nil }), "format 0"},
		{"no program", bent(func(m *methodv1.Traced) { m.Program = nil }), "the program is missing"},
		{"an unknown op", bent(func(m *methodv1.Traced) { m.Program.Steps[1].Op = "exec" }), `step 1: unknown op "exec"`},
		{"a cycle", bent(func(m *methodv1.Traced) { m.Program.Steps[0].In[0] = 1000 }), "step 0: reads value 1000"},
		{"a value beyond int", bent(func(m *methodv1.Traced) { m.Program.Steps[0].In[0] = math.MaxUint32 }), "out of range"},
		{"a missing attribute", bent(func(m *methodv1.Traced) { m.Program.Steps[2].Attrs.Eps = nil }), `step 2: attribute "eps" is missing`},
		{"no attributes", bent(func(m *methodv1.Traced) { m.Program.Steps[2].Attrs = nil }), `step 2: attribute "alpha" is missing`},
		{"a constant that is no number", bent(func(m *methodv1.Traced) { m.Program.Steps[0].Attrs.Alpha = proto.Float64(math.NaN()) }), "a constant is NaN"},
		{"an attribute beyond int", bent(func(m *methodv1.Traced) { m.Program.Steps[0].Attrs.Stride = proto.Int64(1 << 40) }), `attribute "stride": 1099511627776`},
		{"no shape", bent(func(m *methodv1.Traced) { m.Program.Steps[0].Shape = nil }), "the shape is missing"},
		{"a negative axis", bent(func(m *methodv1.Traced) { m.Program.Inputs[0].Shape.Axes[0] = -1 }), `input "z0"`},
		{"no terms", bent(func(m *methodv1.Traced) { m.Terms = nil }), "0 terms"},
		{"a term twice", bent(func(m *methodv1.Traced) { m.Terms = append(m.Terms, m.Terms[0]) }), "stands twice"},
		{"an infinite weight", bent(func(m *methodv1.Traced) { m.Terms[0].Weight = math.Inf(-1) }), "weight -Inf"},
		{"a loss that is no scalar", bent(func(m *methodv1.Traced) { m.Program.Outputs[0].Value = 0 }), `output "loss" has the shape (8, `},
		{"a regulariser nowhere", bent(func(m *methodv1.Traced) {
			m.Regularisers = []*methodv1.Regularisation{{Name: "r", Program: m.Program}}
		}), `regulariser "r": it stands on ""`},
		{"a regulariser without penalty", bent(func(m *methodv1.Traced) {
			m.Regularisers = []*methodv1.Regularisation{{Name: "r", On: "z", Program: m.Program}}
		}), `regulariser "r": the program has no output "penalty"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := wire.UnmarshalTraced(tc.data); !matches(err, tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestTextThatCannotBeWrittenIsAnError(t *testing.T) {
	p := everything()
	p.Inputs[0].Name = "\xff"
	if _, err := wire.Marshal(p); !matches(err, "UTF-8") {
		t.Error(err)
	}
}

// FuzzUnmarshalTraced gives bytes of all sorts: whatever is accepted must be a valid program that survives another round
// with the same digest, and nothing may panic.
func FuzzUnmarshalTraced(f *testing.F) {
	for _, m := range shipped() {
		data, err := wire.MarshalTraced(traced(f, m))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	withCustom := traced(f, byol.Method{})
	withCustom.Regularisers[0].Program = foreign()
	data, err := wire.MarshalTraced(withCustom)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := wire.UnmarshalTraced(data)
		if err != nil {
			return
		}
		if err := got.Method.Program.Validate(); err != nil {
			t.Fatalf("accepted: %v", err)
		}
		again, err := wire.MarshalTraced(got)
		if err != nil {
			t.Fatal(err)
		}
		back, err := wire.UnmarshalTraced(again)
		if err != nil {
			t.Fatal(err)
		}
		if wire.Digest(back.Method.Program) != wire.Digest(got.Method.Program) {
			t.Fatal("another round changes the program")
		}
	})
}
