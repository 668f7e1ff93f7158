package memory

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestBothSidesSeeTheSame maps one memory twice, as host and plugin do.
func TestBothSidesSeeTheSame(t *testing.T) {
	host, err := Create(5000)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	fd, err := unix.Dup(int(host.File().Fd()))
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := Open(fd, 5000)
	if err != nil {
		t.Fatal(err)
	}
	host.Floats()[4999] = 1.5
	plugin.Floats()[0] = -2
	if plugin.Floats()[4999] != 1.5 || host.Floats()[0] != -2 || len(plugin.Floats()) != 5000 {
		t.Errorf("plugin sees %v, host %v", plugin.Floats()[4999], host.Floats()[0])
	}
	if err := plugin.Close(); err != nil {
		t.Error(err)
	}
	if err := plugin.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// TestHeldMemoryStays lets two hold memory that is closed: it is there for the second when the first has let go.
func TestHeldMemoryStays(t *testing.T) {
	r, err := Create(1024)
	if err != nil {
		t.Fatal(err)
	}
	first, second := r.Hold(), r.Hold()
	data := r.Floats()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	first()
	first()
	data[1023] = 1 // would crash
	if len(r.Floats()) != 1024 {
		t.Errorf("%d numbers of memory that is held", len(r.Floats()))
	}
	second()
	if n := len(r.Floats()); n != 0 {
		t.Errorf("%d numbers of memory that nobody holds", n)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestNobodyCanShrinkIt: the host would die of a bus error.
func TestNobodyCanShrinkIt(t *testing.T) {
	r, err := Create(1024)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, size := range []int64{0, 8192} {
		if err := unix.Ftruncate(int(r.File().Fd()), size); err == nil {
			t.Errorf("resized to %d bytes", size)
		}
	}
}

func TestFalseMemoryIsRefused(t *testing.T) {
	r, err := Create(1024)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, floats := range []int{1025, 0, -1} {
		fd, err := unix.Dup(int(r.File().Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(fd, floats); err == nil {
			t.Errorf("%d numbers of 1024", floats)
		}
	}
	if _, err := Open(-1, 1); err == nil {
		t.Error("opened nothing")
	}
}
