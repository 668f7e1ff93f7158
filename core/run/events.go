package run

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// TensorBoard reads files of TFRecords, each of which is an Event message. Field numbers are those of
// tensorflow/core/util/event.proto and framework/summary.proto.
const (
	eventWallTime    = 1 // double, seconds
	eventStep        = 2 // int64
	eventFileVersion = 3 // string, in the first event
	eventSummary     = 5 // Summary
	eventSessionLog  = 7 // SessionLog

	summaryValue = 1 // repeated Value
	valueTag     = 1 // string
	valueSimple  = 2 // float

	sessionStatus = 1 // enum
	sessionStart  = 1 // its value START: the reader voids what it has of this step and later

	fileVersion = "brain.Event:2"
)

// eventsWriter writes one events file; each session of a run starts its own.
type eventsWriter struct{ f *os.File }

// newEvents starts an events file in dir. first is the step from which on older files no longer count; 0 for all new.
func newEvents(dir string, now time.Time, first int) (*eventsWriter, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	f, err := createEvents(dir, now, host)
	if err != nil {
		return nil, err
	}
	w := &eventsWriter{f}
	head := appendEventHead(nil, now, 0)
	head = protowire.AppendTag(head, eventFileVersion, protowire.BytesType)
	err = w.write(protowire.AppendString(head, fileVersion))
	if err == nil && first > 0 {
		start := protowire.AppendVarint(protowire.AppendTag(nil, sessionStatus, protowire.VarintType), sessionStart)
		e := protowire.AppendTag(appendEventHead(nil, now, first), eventSessionLog, protowire.BytesType)
		err = w.write(protowire.AppendBytes(e, start))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// createEvents makes the file. TensorBoard reads the files of a folder in the order of their names, so a session
// that starts within the second of the one before gets a later second.
func createEvents(dir string, now time.Time, host string) (*os.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	second := now.Unix()
	for _, e := range entries {
		var s int64
		if n, _ := fmt.Sscanf(e.Name(), "events.out.tfevents.%d.", &s); n == 1 {
			second = max(second, s+1)
		}
	}
	name := fmt.Sprintf("events.out.tfevents.%010d.%s", second, host)
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(0o644))
}

// append writes the values of a record as one event of scalars, in the order of their names.
func (w *eventsWriter) append(rec Record, now time.Time) error {
	var summary []byte
	for _, m := range []map[string]float64{{epochKey: rec.Epoch}, rec.Values, prefixed("time.", rec.Time)} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			summary = protowire.AppendTag(summary, summaryValue, protowire.BytesType)
			summary = protowire.AppendBytes(summary, scalar(strings.ReplaceAll(name, ".", "/"), m[name]))
		}
	}
	e := protowire.AppendTag(appendEventHead(nil, now, rec.Step), eventSummary, protowire.BytesType)
	return w.write(protowire.AppendBytes(e, summary))
}

func prefixed(prefix string, m map[string]float64) map[string]float64 {
	out := make(map[string]float64, len(m))
	for k, v := range m {
		out[prefix+k] = v
	}
	return out
}

// scalar is a Summary.Value.
func scalar(tag string, v float64) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, valueTag, protowire.BytesType), tag)
	return protowire.AppendFixed32(protowire.AppendTag(b, valueSimple, protowire.Fixed32Type), math.Float32bits(float32(v)))
}

func appendEventHead(b []byte, now time.Time, step int) []byte {
	b = protowire.AppendTag(b, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(now.UnixMicro())/1e6))
	if step == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, eventStep, protowire.VarintType), uint64(step))
}

// write appends one TFRecord by one write: length, its checksum, the data, its checksum, all little-endian.
func (w *eventsWriter) write(event []byte) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, event...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(event))
	_, err := w.f.Write(b)
	return err
}

// maskedCRC is TFRecord's checksum: CRC-32C rotated right by 15 bits plus a constant, so that a checksum of data
// that holds checksums stays sound (tensorflow/core/lib/hash/crc32c.h).
func maskedCRC(b []byte) uint32 {
	crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (crc>>15 | crc<<17) + 0xa282ead8
}

func (w *eventsWriter) close() error { return w.f.Close() }
