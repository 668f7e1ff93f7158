package objective

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/sdk/method"
)

// The least that a joint embedding is made of: two views, and the rows that batch statistics need (unbiased variances divide
// by n - 1).
const (
	fewestViews = 2
	fewestRows  = 2
)

// roles are what an embedding may be, in the order in which results list them.
var roles = []string{"z", "p", "t", "y"}

// Inputs are embeddings, each [Batch, width], row-major, under the names that objectives know them by: z0, z1, ... of each
// view, p0, t0, y0 likewise.
type Inputs struct {
	Batch          int
	Views          int
	Embedding      int // width of z, p and t
	Representation int // width of y; 0 without y
	Values         map[string][]float32
}

// Shapes are what the objective has to be traced for.
func (in Inputs) Shapes() method.Shapes {
	return method.Shapes{Batch: in.Batch, Views: in.Views, Embedding: in.Embedding, Representation: in.Representation}
}

// Names lists the inputs: z of each view, then p, t and y.
func (in Inputs) Names() []string {
	var names []string
	for _, role := range roles {
		for view := range in.Views {
			if name := nameOf(role, view); in.Values[name] != nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// Has reports whether there are tensors of a role: "z", "p", "t" or "y".
func (in Inputs) Has(role string) bool { return in.Values[nameOf(role, 0)] != nil }

func nameOf(role string, view int) string { return role + strconv.Itoa(view) }

// Read takes the embeddings from a safetensors file. Other tensors of the file, such as the results of an earlier
// evaluation, are not looked at. Errors carry fault.Data and name file and tensor: a file without z0, a role that some
// views have and others lack, tensors that are not 2-D or of unequal shapes, too few rows, numbers that are not finite.
func Read(path string) (Inputs, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return Inputs{}, err
	}
	defer f.Close()
	in := Inputs{Values: map[string][]float32{}}
	for in.Views = 0; has(f, nameOf("z", in.Views)); in.Views++ {
	}
	if in.Views < fewestViews {
		return Inputs{}, fault.New(fault.Data, "name the embeddings of the views z0 and z1; predictions are p0 and p1, target embeddings t0 and t1",
			"%s holds no tensor %s; it holds %v", path, nameOf("z", in.Views), f.Names())
	}
	for _, role := range roles {
		if err := in.readRole(f, role); err != nil {
			return Inputs{}, fault.New(fault.CodeOf(err), fault.HintOf(err), "%s: %w", path, err)
		}
	}
	return in, nil
}

func has(f *safetensors.File, name string) bool {
	_, ok := f.Info(name)
	return ok
}

// readRole reads one role of all views, or none where no view has it.
func (in *Inputs) readRole(f *safetensors.File, role string) error {
	var there, missing []string
	for view := range in.Views {
		if name := nameOf(role, view); has(f, name) {
			there = append(there, name)
		} else {
			missing = append(missing, name)
		}
	}
	if len(there) > 0 && len(missing) > 0 {
		return fault.New(fault.Data, "give it for every view or for none", "there are %v, but no %v", there, missing)
	}
	for _, name := range there {
		if err := in.read(f, role, name); err != nil {
			return err
		}
	}
	return nil
}

func (in *Inputs) read(f *safetensors.File, role, name string) error {
	info, _ := f.Info(name)
	if err := in.fit(role, name, info.Shape); err != nil {
		return err
	}
	t, err := f.Read(name)
	if err != nil {
		return err
	}
	if t.F32 == nil {
		return fault.New(fault.Data, "store embeddings as F32, F64, F16 or BF16", "%s is of type %s, which is no floating-point type", name, info.DType)
	}
	for i, v := range t.F32 {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			columns := info.Shape[1]
			return fault.New(fault.Data, "embeddings must be finite float32 numbers; look at what wrote them", "%s is %v at row %d, column %d", name, v, i/columns, i%columns)
		}
	}
	in.Values[name] = t.F32
	return nil
}

// fit holds a shape to those before it: every tensor has z0's rows; z, p and t have its columns, y those of y0.
func (in *Inputs) fit(role, name string, shape []int) error {
	if len(shape) != 2 {
		return fault.New(fault.Data, "store one row for each image: [n, d]", "%s has the shape %v, not two axes", name, shape)
	}
	rows, columns := shape[0], shape[1]
	width := &in.Embedding
	if role == "y" {
		width = &in.Representation
	}
	if name == nameOf("z", 0) {
		in.Batch = rows
	}
	if *width == 0 {
		*width = columns
	}
	switch {
	case rows < fewestRows:
		return fault.New(fault.Data, "give the embeddings of at least 2 images; a realistic batch has more rows than columns", "%s has %d rows", name, rows)
	case columns < 1:
		return fault.New(fault.Data, "store one row for each image: [n, d]", "%s has no columns", name)
	case rows != in.Batch || columns != *width:
		return fault.New(fault.Data, "give all embeddings of one batch: equal rows, and equal columns for z, p and t",
			"%s has the shape %v, want [%d %d] as the tensors before it", name, shape, in.Batch, *width)
	}
	return nil
}

// demand checks that a program finds its inputs.
func (in Inputs) demand(t *method.Traced) error {
	for _, port := range t.Program.Inputs {
		if in.Values[port.Name] == nil {
			return fault.New(fault.Data, fmt.Sprintf("add a tensor %s of shape %v to the file", port.Name, []int(port.Shape)),
				"the objective takes %s, which is missing; there are %v", port.Name, slices.Sorted(maps.Keys(in.Values)))
		}
	}
	return nil
}
