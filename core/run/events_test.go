package run

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenEvents was read by TensorBoard itself, by testdata/check_events.py, whose output is testdata/events.txt.
const goldenEvents = "testdata/events.out.tfevents.golden"

func TestEventsGolden(t *testing.T) {
	dir := t.TempDir()
	w, err := newEvents(dir, started(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		rec := Record{Step: step * 10, Epoch: float64(step) / 2, Values: map[string]float64{Loss: 25.5 - float64(step), "term.variance": math.Inf(1)},
			Vectors: map[string][]float64{Eigenvalues: {2, 1}}, Time: map[string]float64{Seconds: float64(step)}}
		if err := w.append(rec, started().Add(time.Duration(step)*1500*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	got := eventBytes(t, dir)
	if *update {
		if err := os.WriteFile(goldenEvents, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenEvents)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("events differ from %s:\ngot  %q\nwant %q", goldenEvents, got, want)
	}
}

// TestMaskedCRC: event files that TensorFlow writes begin with a record of 24 bytes (wall time and
// "brain.Event:2"), so with these twelve bytes.
func TestMaskedCRC(t *testing.T) {
	length := binary.LittleEndian.AppendUint64(nil, 0x18)
	if got, want := maskedCRC(length), binary.LittleEndian.Uint32([]byte{0xa3, 0x7f, 0x4b, 0x22}); got != want {
		t.Errorf("masked crc %08x, want %08x", got, want)
	}
}

// TestResumedEvents: a resumed run starts a new file, later by name, that voids the steps to be done again.
func TestResumedEvents(t *testing.T) {
	o := options(t.TempDir())
	r := create(t, o)
	for step := 1; step <= 5; step++ {
		rec, _ := line(t, step)
		if err := r.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(Interrupted, ""); err != nil {
		t.Fatal(err)
	}
	r, err := Resume(r.Dir(), o.Now) // within the same second
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Rewind(3); err != nil {
		t.Fatal(err)
	}
	rec, _ := line(t, 4)
	if err := r.Append(rec); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(Done, ""); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(r.path("events/events.out.tfevents.*"))
	if err != nil || len(files) != 2 || !slices.IsSorted(files) {
		t.Fatalf("%v, %v", files, err)
	}
	b, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	got := eventKinds(t, b)
	if want := []string{"step 0: field 3", "step 4: field 7", "step 4: field 5"}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

func eventBytes(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// eventKinds splits records, checks the framing and says step and content of each event.
func eventKinds(t *testing.T, b []byte) []string {
	t.Helper()
	var out []string
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		if maskedCRC(b[:8]) != binary.LittleEndian.Uint32(b[8:]) || maskedCRC(b[12:12+n]) != binary.LittleEndian.Uint32(b[12+n:]) {
			t.Fatal("wrong checksum")
		}
		event := b[12 : 12+n]
		b = b[16+n:]
		step, content := uint64(0), protowire.Number(0)
		for len(event) > 0 {
			num, typ, m := protowire.ConsumeTag(event)
			event = event[m:]
			switch num {
			case eventStep:
				step, _ = protowire.ConsumeVarint(event)
			case eventWallTime:
			default:
				content = num
			}
			event = event[protowire.ConsumeFieldValue(num, typ, event):]
		}
		out = append(out, fmt.Sprintf("step %d: field %d", step, content))
	}
	return out
}
