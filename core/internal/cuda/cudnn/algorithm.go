package cudnn

import (
	"slices"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Algorithm is a way to compute an operation.
type Algorithm struct {
	ID            int     // of the direction's enumeration
	Math          Math    // the arithmetic with which it was tried
	Milliseconds  float32 // of one run; below 0 where it was not measured
	Workspace     int     // bytes
	Deterministic bool    // the same bits each time
}

// perf is cudnnConvolution*AlgoPerf_t, the same for all directions.
type perf struct {
	algorithm   int32
	status      int32
	time        float32
	_           int32
	memory      uint64
	determinism int32
	math        int32
	_           [4]int32 // three reserved and the padding to 8 bytes
}

// most is above the number of algorithms of any direction, each tried with and without tensor cores.
const most = 32

// Suggest lists the algorithms that can compute the operation, the one that the library expects to be fastest first. It
// depends on nothing but the operation, the library and the device.
func (o *Operation) Suggest() ([]Algorithm, error) {
	var count int32
	var found [most]perf
	err := o.handle.call(o.direction.functions().suggest, o.handle.at, o.a, o.b, o.conv, o.out, most,
		uintptr(unsafe.Pointer(&count)), uintptr(unsafe.Pointer(&found)))
	return o.usable(found[:count]), err
}

// Measure runs every algorithm that needs at most size bytes of workspace, and lists them by time, the fastest first. It
// waits for the device, and writes to out and workspace.
func (o *Operation) Measure(a, b, out, workspace drv.Ptr, size int) ([]Algorithm, error) {
	var count int32
	var found [most]perf
	err := o.handle.call(o.direction.functions().measure, o.handle.at, o.a, uintptr(a), o.b, uintptr(b), o.conv, o.out, uintptr(out), most,
		uintptr(unsafe.Pointer(&count)), uintptr(unsafe.Pointer(&found)), uintptr(workspace), uintptr(size))
	return o.usable(found[:count]), err
}

// usable leaves out what failed and, asked for full float32, gives every algorithm that arithmetic. The library then reports
// FMA for what it tried so, and tries its default, which is TF32, as well: those are left out. Where it reports its default only,
// which some versions do whatever they were asked, the algorithms count, with times that may be TF32's: Choose sets the
// arithmetic, and fails where an algorithm does not know it.
func (o *Operation) usable(found []perf) []Algorithm {
	full := o.convolving.Math == Full
	reported := slices.ContainsFunc(found, func(f perf) bool { return Math(f.math) == Full })
	var out []Algorithm
	for _, f := range found {
		if f.status != 0 || full && reported && Math(f.math) != Full {
			continue
		}
		a := Algorithm{int(f.algorithm), Math(f.math), f.time, int(f.memory), f.determinism == deterministic}
		if full {
			a.Math = Full
		}
		out = append(out, a)
	}
	return out
}
