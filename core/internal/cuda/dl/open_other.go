//go:build !linux || !(amd64 || arm64) || nocuda

package dl

import "errors"

// Supported says whether this binary can open libraries at all.
const Supported = false

func open(Place, string, Spec) (*Library, error) {
	return nil, errors.New("this binary opens no shared libraries")
}

// find and call are never reached: there is no open library.
func find(uintptr, string) uintptr    { return 0 }
func call(uintptr, []uintptr) uintptr { return 0 }
