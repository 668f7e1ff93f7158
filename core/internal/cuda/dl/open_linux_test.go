//go:build linux && (amd64 || arm64) && !nocuda

package dl

import (
	"errors"
	"path/filepath"
	"testing"
	"unsafe"
)

// cLibrary opens a library that every system with a dynamic loader has.
func cLibrary(t *testing.T) *Library {
	t.Helper()
	l, err := Search{loader}.Open(Spec{Name: "C library", Files: []string{"libc.so.6"}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLibraryOfTheSystem(t *testing.T) {
	l := cLibrary(t)
	if !filepath.IsAbs(l.Path) {
		t.Errorf("the library was found at %q, which is no full path", l.Path)
	}
	text := []byte("four\x00")
	n, err := l.Call("strlen", uintptr(unsafe.Pointer(unsafe.SliceData(text))))
	if err != nil || n != 4 {
		t.Errorf("strlen is %d, %v, want 4", n, err)
	}
	var memory [8]byte
	if _, err := l.Call("memset", uintptr(unsafe.Pointer(&memory)), 7, 4); err != nil || memory != [8]byte{7, 7, 7, 7} {
		t.Errorf("memset of four bytes: %v, %v", memory, err)
	}
}

func TestMissingSymbol(t *testing.T) {
	l := cLibrary(t)
	for range 2 {
		_, err := l.Call("no_such_function")
		var missing *MissingSymbol
		if !errors.As(err, &missing) || missing.Symbol != "no_such_function" || missing.Library != l.Name || missing.Path != l.Path {
			t.Fatalf("error %v, want *MissingSymbol", err)
		}
	}
	if l.Has("no_such_function") || !l.Has("strlen") {
		t.Error("Has is wrong")
	}
}
