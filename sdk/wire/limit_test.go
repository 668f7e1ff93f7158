package wire_test

import (
	"testing"
	"time"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/wire"
)

// TestLargestProgram shows that the limits leave no room for a program that is allowed and takes forever.
func TestLargestProgram(t *testing.T) {
	p := &expr.Program{Inputs: []expr.Port{{Name: "x", Shape: expr.Shape{4, 4}}}}
	for i := range expr.MaxSteps {
		p.Steps = append(p.Steps, expr.Step{Kind: expr.MatMul, In: []int{i, i / 2}, Shape: expr.Shape{4, 4}})
	}
	p.Outputs = []expr.Output{{Name: "last", Value: len(p.Steps)}}
	began := time.Now()
	data, err := wire.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.Unmarshal(data)
	if err != nil {
		t.Fatal(err)
	}
	decoded := time.Since(began)
	b := expr.New()
	if _, err := got.Build(b, map[string]expr.Tensor{"x": b.Input("x", 4, 4)}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d steps, %d bytes: encode and decode %v, replay %v", len(p.Steps), len(data), decoded, time.Since(began)-decoded)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	p.Steps = append(p.Steps, p.Steps[0])
	if data, err = wire.Marshal(p); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Unmarshal(data); !matches(err, "exceeds the limits") && !matches(err, "at most 10000") {
		t.Errorf("one step more: %v", err)
	}
}
