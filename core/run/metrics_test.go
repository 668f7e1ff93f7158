package run

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sslctl/sslctl/core/fault"
)

func TestRecordLine(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		rec  Record
		line string
	}{
		{Record{}, `{"step":0,"epoch":0}`},
		{Record{Step: 3, Epoch: 0.5, Values: map[string]float64{"loss": 2, "b": 1e-7, "a": 1e25}},
			`{"step":3,"epoch":0.5,"a":1e+25,"b":1e-07,"loss":2}`},
		{Record{Values: map[string]float64{"f32": float64(float32(0.1)), "f64": 0.1}}, `{"step":0,"epoch":0,"f32":0.1,"f64":0.1}`},
		{Record{Values: map[string]float64{"x": math.NaN(), "y": inf, "z": -inf}},
			`{"step":0,"epoch":0,"x":"NaN","y":"Infinity","z":"-Infinity"}`},
		{Record{Values: map[string]float64{"loss": 1}, Vectors: map[string][]float64{"eig": {2, 0.5}, "none": {}},
			Time: map[string]float64{"wait_s": 0.25, "seconds": 8}},
			`{"step":0,"epoch":0,"eig":[2,0.5],"loss":1,"none":[],"time":{"seconds":8,"wait_s":0.25}}`},
		{Record{Values: map[string]float64{`q"<ü`: 1}}, "{\"step\":0,\"epoch\":0,\"q\\\"\\u003cü\":1}"},
	} {
		line, err := c.rec.MarshalJSON()
		if err != nil || string(line) != c.line {
			t.Errorf("got  %s, %v\nwant %s", line, err, c.line)
		}
		var back Record
		if err := json.Unmarshal(line, &back); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		near := cmpopts.EquateApprox(1e-7, 0) // a float32's shortest form is read as float64
		if d := cmp.Diff(c.rec, back, near, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
}

func TestRecordRefusesNames(t *testing.T) {
	for _, r := range []Record{
		{Values: map[string]float64{"step": 1}},
		{Values: map[string]float64{"time": 1}},
		{Vectors: map[string][]float64{"epoch": {1}}},
		{Values: map[string]float64{"a": 1}, Vectors: map[string][]float64{"a": {1}}},
	} {
		if line, err := r.MarshalJSON(); err == nil {
			t.Errorf("no error: %s", line)
		}
	}
}

// line is the record of a step and its line in the file.
func line(t *testing.T, step int) (Record, []byte) {
	t.Helper()
	r := Record{Step: step, Epoch: float64(step) / 8, Values: map[string]float64{Loss: 1 / float64(step+1)}}
	b, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return r, append(b, '\n')
}

func lines(t *testing.T, steps ...int) []byte {
	t.Helper()
	var out []byte
	for _, s := range steps {
		_, b := line(t, s)
		out = append(out, b...)
	}
	return out
}

func TestTruncateAfter(t *testing.T) {
	whole := lines(t, 1, 2, 2, 4)
	for name, c := range map[string]struct {
		file []byte
		step int
		want []byte
	}{
		"nothing":       {nil, 3, nil},
		"all":           {whole, 4, whole},
		"between steps": {whole, 3, lines(t, 1, 2, 2)},
		"same step":     {whole, 2, lines(t, 1, 2, 2)},
		"from scratch":  {whole, -1, nil},
		"torn":          {whole[:len(whole)-5], 9, lines(t, 1, 2, 2)},
		"torn to {":     {append(lines(t, 1), '{'), 9, lines(t, 1)},
		"lost block":    {append(lines(t, 1), "\x00\x00\x00\n\x00"...), 9, lines(t, 1)},
	} {
		path := filepath.Join(t.TempDir(), metricsFile)
		if err := os.WriteFile(path, c.file, 0o644); err != nil {
			t.Fatal(err)
		}
		w, err := openMetrics(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := w.truncateAfter(c.step); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rec, last := line(t, 9)
		if err := w.append(rec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.close(); err != nil {
			t.Error(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want := append(bytes.Clone(c.want), last...); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
	}
}

func TestDamageInTheMiddleIsAFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), metricsFile)
	damaged := append(append(lines(t, 1), "oops\n"...), lines(t, 3)...)
	if err := os.WriteFile(path, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openMetrics(path); fault.CodeOf(err) != fault.Data {
		t.Errorf("open: %v", err)
	}
	if _, err := (&Tail{path: path}).Next(); fault.CodeOf(err) != fault.Data {
		t.Errorf("tail: %v", err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, damaged) {
		t.Error("the damaged file was changed")
	}
}

func TestTailFollows(t *testing.T) {
	path := filepath.Join(t.TempDir(), metricsFile)
	tail := &Tail{path: path}
	data := lines(t, 1, 2, 3)
	next := func(content []byte, want ...int) {
		t.Helper()
		if content != nil {
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		records, err := tail.Next()
		if err != nil {
			t.Fatal(err)
		}
		var steps []int
		for _, r := range records {
			steps = append(steps, r.Step)
		}
		if d := cmp.Diff(want, steps); d != "" {
			t.Error(d)
		}
	}
	next(nil) // no file yet
	next(data[:len(data)-3], 1, 2)
	next(data, 3)
	next(data)
	next(lines(t, 1), 1) // cut back by a resume
}
