package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/fault"
)

// TestReadPython reads a file made by Python's safetensors (testdata/make_golden.py) with every type of interest
// and compares with the values that torch printed.
func TestReadPython(t *testing.T) {
	got, meta, err := Load("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"format": "pt", "note": "line\nbreak"}; !maps.Equal(meta, want) {
		t.Errorf("metadata %v, want %v", meta, want)
	}
	var want map[string]struct {
		Shape   []int
		Float32 []string
		Int     []string
	}
	b, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Errorf("%d tensors, want %d", len(got), len(want))
	}
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			t.Errorf("no tensor %q", name)
			continue
		}
		if !slices.Equal(g.Shape, w.Shape) {
			t.Errorf("%s: shape %v, want %v", name, g.Shape, w.Shape)
		}
		if texts := values(g); !slices.Equal(texts, append(w.Int, normal(t, w.Float32)...)) {
			t.Errorf("%s: got %v, want %v", name, texts, append(w.Int, w.Float32...))
		}
	}
}

// values prints a tensor's elements, floats in Go's shortest form.
func values(t Tensor) []string {
	var out []string
	for _, v := range t.F32 {
		out = append(out, fmt.Sprint(v))
	}
	for _, v := range t.I64 {
		out = append(out, fmt.Sprint(v))
	}
	for _, v := range t.U64 {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// normal turns Python's repr of a float64 that holds a float32 into Go's form of the float32.
func normal(t *testing.T, python []string) []string {
	t.Helper()
	var out []string
	for _, s := range python {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(float32(v)))
	}
	return out
}

// TestHalf compares every binary16 value with its definition.
func TestHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		sign, exp, frac := 1-2*float64(h>>15), int(h>>10)&31, float64(h&1023)
		var want float64
		switch {
		case exp == 31 && frac != 0:
			if got := half(h); got == got {
				t.Fatalf("half(%#04x) = %v, want NaN", h, got)
			}
			continue
		case exp == 31:
			want = sign * math.Inf(1)
		case exp == 0:
			want = sign * math.Ldexp(frac, -24)
		default:
			want = sign * math.Ldexp(1024+frac, exp-25)
		}
		if got := half(h); math.Float32bits(got) != math.Float32bits(float32(want)) {
			t.Fatalf("half(%#04x) = %v, want %v", h, got, want)
		}
	}
}

func sample() map[string]Tensor {
	big := make([]float32, 3*chunk/4+5) // several chunks and a rest
	for i := range big {
		big[i] = float32(i) / 3
	}
	return map[string]Tensor{
		"model.conv1.weight": Floats([]float32{1, -2, float32(math.Inf(1)), 0}, 2, 2),
		"model.big":          Floats(big, len(big)),
		"scalar":             Floats([]float32{0.1}),
		"none":               Floats([]float32{}, 0, 7),
		"step":               Ints([]int64{-1, math.MaxInt64}, 2),
		"seed":               Uints([]uint64{math.MaxUint64}),
		"a <b> & ü":          Floats([]float32{3}, 1),
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	meta := map[string]string{"step": "3", "note": `"quoted" <&>`}
	if err := Write(path, sample(), meta); err != nil {
		t.Fatal(err)
	}
	got, gotMeta, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(meta, gotMeta); d != "" {
		t.Error(d)
	}
	want := sample()
	for name, w := range want {
		if w.Shape == nil {
			w.Shape = []int{}
			want[name] = w
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBytesDependOnContentAlone(t *testing.T) {
	var first []byte
	for range 20 { // maps are walked in another order each time
		var b bytes.Buffer
		if err := Encode(&b, sample(), map[string]string{"z": "1", "a": "2", "m": "3"}); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b.Bytes()
		}
		if !bytes.Equal(first, b.Bytes()) {
			t.Fatal("two encodings of the same tensors differ")
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, tensors := range map[string]map[string]Tensor{
		"count":    {"x": Floats([]float32{1, 2}, 3)},
		"negative": {"x": Floats([]float32{1, 2}, -1, -2)},
		"two":      {"x": {Shape: []int{1}, F32: []float32{1}, I64: []int64{1}}},
		"none":     {"x": {Shape: []int{0}}},
		"reserved": {"__metadata__": Floats([]float32{1}, 1)},
		"utf8":     {"\xff": Floats([]float32{1}, 1)},
	} {
		if err := Encode(&bytes.Buffer{}, tensors, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// file builds a safetensors file from a header and data.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestHostileFiles(t *testing.T) {
	entry := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"x":{"dtype":%q,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "too few for a header"},
		"header length":    {binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "header of 18446744073709551615 bytes"},
		"header truncated": {file(entry("F32", "[1]", "[0,4]"), 4)[:20], "header of"},
		"no json":          {file("hello", 0), "header:"},
		"data truncated":   {file(entry("F32", "[2]", "[0,8]"), 7), "outside the file's 7 bytes"},
		"data too long":    {file(entry("F32", "[2]", "[0,8]"), 9), "tensors end at byte"},
		"overflow":         {file(entry("F32", "[2147483647,2147483647,2147483647,2147483647]", "[0,4]"), 4), "needs more than"},
		"overflow to zero": {file(entry("F32", "[2147483648,2147483648,4]", "[0,0]"), 0), "dimension of"},
		"huge dimension":   {file(entry("F32", "[18446744073709551615]", "[0,4]"), 4), "dimension of"},
		"wrong size":       {file(entry("F32", "[2]", "[0,4]"), 4), "needs more than"},
		"negative":         {file(entry("F32", "[-1]", "[0,4]"), 4), "header:"},
		"backwards":        {file(entry("F32", "[1]", "[4,0]"), 4), "outside"},
		"unknown type":     {file(entry("F8", "[1]", "[0,1]"), 1), "header:"},
		"overlap": {file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3),
			"overlaps or has a hole"},
		"hole": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3),
			"overlaps or has a hole"},
		"metadata": {file(`{"__metadata__":{"a":1}}`, 0), "header:"},
	} {
		_, err := parse(bytes.NewReader(c.file), int64(len(c.file)), name)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
			continue
		}
		if fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "" {
			t.Errorf("%s: code %d, hint %q", name, fault.CodeOf(err), fault.HintOf(err))
		}
	}
}

func TestMissing(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	if fault.CodeOf(err) != fault.Data {
		t.Errorf("code %d of %v", fault.CodeOf(err), err)
	}
	f, err := Open("testdata/python.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read("fc.weight"); fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), `"fc.weight"`) {
		t.Errorf("error %v", err)
	}
}

// FuzzParse: whatever the bytes, parsing and reading end without a panic and in memory bounded by the input;
// what is accepted survives another round trip.
func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if err := Encode(&b, map[string]Tensor{"w": Floats([]float32{1, 2}, 2), "s": Ints([]int64{1})}, map[string]string{"a": "b"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{"x":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}`, 4))
	f.Add(file(`{"x":{"dtype":"F64","shape":[0,9999999999],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		sf, err := parse(bytes.NewReader(data), int64(len(data)), "fuzz")
		if err != nil {
			if fault.CodeOf(err) != fault.Data {
				t.Fatalf("code %d of %v", fault.CodeOf(err), err)
			}
			return
		}
		all, err := sf.All()
		if err != nil {
			t.Fatal(err)
		}
		elements := 0
		for _, x := range all {
			elements += len(x.F32) + len(x.I64) + len(x.U64)
		}
		if elements > len(data) {
			t.Fatalf("%d elements out of %d bytes", elements, len(data))
		}
		var again bytes.Buffer
		if err := Encode(&again, all, sf.Metadata()); err != nil {
			t.Fatal(err)
		}
		if _, err := parse(bytes.NewReader(again.Bytes()), int64(again.Len()), "again"); err != nil {
			t.Fatal(err)
		}
	})
}

// TestGoldenFolder reads every file of the folder that SSLCTL_GOLDEN names.
func TestGoldenFolder(t *testing.T) {
	dir := os.Getenv("SSLCTL_GOLDEN")
	if dir == "" {
		t.Skip("SSLCTL_GOLDEN is not set: PyTorch's golden files are not read")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files in %s, %v", dir, err)
	}
	for _, p := range paths {
		tensors, _, err := Load(p)
		if err != nil || len(tensors) == 0 {
			t.Errorf("%s: %d tensors, %v", p, len(tensors), err)
		}
	}
}
