package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/sslctl/sslctl/core/fault"
)

// Names of the figures that the trainer records and the report knows. Others are allowed. A dot groups: in
// TensorBoard it becomes a slash.
const (
	Loss         = "loss"
	Term         = "term." // + name of a term of the objective: its value before the weight
	LearningRate = "lr"
	GradNorm     = "grad_norm"
	Std          = "embedding.std"         // mean std of a dimension of z/‖z‖: 1/√d when spread, 0 when collapsed
	Spread       = "embedding.spread"      // 0 to 1: two images' embeddings have a mean cosine of 1-spread²
	Corr         = "embedding.corr"        // mean |correlation| between two dimensions
	Norm         = "embedding.norm"        // mean ‖z‖
	RankMe       = "embedding.rankme"      // exp of the entropy of the singular values
	Eigenvalues  = "embedding.eigenvalues" // vector: eigenvalues of the covariance, descending
	Accuracy     = "probe."                // + "knn" or "linear": accuracy in [0, 1] while training

	// Names in Record.Time.
	Seconds         = "seconds"      // since the start of the run, over all its sessions
	ImagesPerSecond = "images_per_s" // images, not views
	Wait            = "wait_s"       // time that the step waited for data
)

// Keys of a line that are not names of values.
const (
	stepKey  = "step"
	epochKey = "epoch"
	timeKey  = "time"
)

// Record is a line of metrics.jsonl:
//
//	{"step":120,"epoch":1.5,"embedding.eigenvalues":[3.1,0.2],"loss":12.5,"time":{"seconds":8.25}}
//
// The names are sorted, so the bytes depend on the content alone. Numbers have the shortest form that gives the
// same float32, or the same float64 where the value is not a float32. JSON has no NaN: "NaN", "Infinity" and
// "-Infinity" stand as strings. All that depends on the clock is in "time", so comparisons can leave it out.
type Record struct {
	Step    int     // optimiser steps done
	Epoch   float64 // passes over the data done
	Values  map[string]float64
	Vectors map[string][]float64
	Time    map[string]float64
}

// MarshalJSON writes the line, without the newline. A name used twice or reserved is an error.
func (r Record) MarshalJSON() ([]byte, error) {
	b := []byte(`{"step":`)
	b = strconv.AppendInt(b, int64(r.Step), 10)
	b = append(b, `,"epoch":`...)
	b = appendFloat(b, r.Epoch)
	names := slices.Concat(slices.Collect(maps.Keys(r.Values)), slices.Collect(maps.Keys(r.Vectors)))
	slices.Sort(names)
	for i, name := range names {
		if name == stepKey || name == epochKey || name == timeKey || i > 0 && name == names[i-1] {
			return nil, fmt.Errorf("record: name %q is reserved or used twice", name)
		}
		b = appendKey(append(b, ','), name)
		if v, ok := r.Values[name]; ok {
			b = appendFloat(b, v)
			continue
		}
		b = append(b, '[')
		for j, v := range r.Vectors[name] {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendFloat(b, v)
		}
		b = append(b, ']')
	}
	if len(r.Time) > 0 {
		b = append(b, `,"time":{`...)
		for i, name := range slices.Sorted(maps.Keys(r.Time)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendFloat(appendKey(b, name), r.Time[name])
		}
		b = append(b, '}')
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads a line.
func (r *Record) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*r = Record{Values: map[string]float64{}}
	if _, ok := raw[stepKey]; !ok {
		return errors.New("record without a step")
	}
	for name, v := range raw {
		if err := r.set(name, v); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}

// set stores one entry of a line.
func (r *Record) set(name string, v json.RawMessage) error {
	switch {
	case name == stepKey:
		return json.Unmarshal(v, &r.Step)
	case name == epochKey:
		return json.Unmarshal(v, (*Number)(&r.Epoch))
	case name == timeKey:
		var m map[string]Number
		if err := json.Unmarshal(v, &m); err != nil {
			return err
		}
		r.Time = make(map[string]float64, len(m))
		for k, x := range m {
			r.Time[k] = float64(x)
		}
		return nil
	case len(v) > 0 && v[0] == '[':
		var xs []Number
		if err := json.Unmarshal(v, &xs); err != nil {
			return err
		}
		if r.Vectors == nil {
			r.Vectors = map[string][]float64{}
		}
		out := make([]float64, len(xs))
		for i, x := range xs {
			out[i] = float64(x)
		}
		r.Vectors[name] = out
		return nil
	default:
		var x Number
		err := json.Unmarshal(v, &x)
		r.Values[name] = float64(x)
		return err
	}
}

// Number is a float64 whose JSON form may be "NaN", "Infinity" or "-Infinity".
type Number float64

// MarshalJSON writes the shortest form; see [Record].
func (n Number) MarshalJSON() ([]byte, error) { return appendFloat(nil, float64(n)), nil }

// UnmarshalJSON reads a number or one of the three strings.
func (n *Number) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case `"NaN"`:
		*n = Number(math.NaN())
	case `"Infinity"`:
		*n = Number(math.Inf(1))
	case `"-Infinity"`:
		*n = Number(math.Inf(-1))
	default:
		return json.Unmarshal(b, (*float64)(n))
	}
	return nil
}

func appendFloat(b []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	case float64(float32(v)) == v:
		return strconv.AppendFloat(b, v, 'g', -1, 32)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

func appendKey(b []byte, name string) []byte {
	key, err := json.Marshal(name)
	if err != nil { // a string always can be marshalled
		panic(err)
	}
	return append(append(b, key...), ':')
}

// metricsWriter appends lines to metrics.jsonl, each by one write, and keeps the file free of torn lines.
type metricsWriter struct {
	f    *os.File
	size int64
}

// openMetrics opens or makes the file and cuts off a torn tail.
func openMetrics(path string) (*metricsWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open metrics: %w", err)
	}
	w := &metricsWriter{f: f}
	if err := w.truncateAfter(math.MaxInt); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

func (w *metricsWriter) append(rec Record) error {
	line, err := rec.MarshalJSON()
	if err != nil {
		return err
	}
	n, err := w.f.WriteAt(append(line, '\n'), w.size)
	if err != nil {
		return errors.Join(err, w.f.Truncate(w.size)) // half a line is worse than none
	}
	w.size += int64(n)
	return nil
}

// truncateAfter cuts the file behind the last record whose step is not above step, and with it a torn tail.
func (w *metricsWriter) truncateAfter(step int) error {
	data, err := io.ReadAll(io.NewSectionReader(w.f, 0, math.MaxInt64))
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	size := 0
	records, end, err := parseLines(data)
	if err != nil {
		return fmt.Errorf("%s: %w", w.f.Name(), err)
	}
	for i, r := range records {
		if r.Step > step {
			break
		}
		size = end[i]
	}
	if w.size = int64(size); size == len(data) {
		return nil
	}
	if err := w.f.Truncate(w.size); err != nil {
		return fmt.Errorf("cut metrics: %w", err)
	}
	return w.sync()
}

func (w *metricsWriter) sync() error {
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("sync metrics: %w", err)
	}
	return nil
}

func (w *metricsWriter) close() error { return w.f.Close() }

// parseLines reads whole lines; end[i] is the offset behind line i. Unreadable lines at the end are a torn tail
// and left out; an unreadable line before a good one is damage.
func parseLines(data []byte) (records []Record, end []int, err error) {
	at, line, bad := 0, 0, 0
	for {
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			return records, end, nil
		}
		line++
		var r Record
		if json.Unmarshal(data[at:at+n], &r) != nil {
			if bad == 0 {
				bad = line
			}
		} else if bad > 0 {
			return nil, nil, fault.New(fault.Data, "mend or remove the line", "line %d is not a record", bad)
		} else {
			records, end = append(records, r), append(end, at+n+1)
		}
		at += n + 1
	}
}

// Tail follows a metrics file that may be growing.
type Tail struct {
	path   string
	offset int64
}

// Next gives the records that were completed since the last call; none where nothing was written. When the file
// was cut back by a resume, it starts again from the first record.
func (t *Tail) Next() ([]Record, error) {
	f, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	if info.Size() < t.offset {
		t.offset = 0
	}
	data, err := io.ReadAll(io.NewSectionReader(f, t.offset, info.Size()-t.offset))
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	records, end, err := parseLines(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.path, err)
	}
	if len(end) > 0 {
		t.offset += int64(end[len(end)-1])
	}
	return records, nil
}
