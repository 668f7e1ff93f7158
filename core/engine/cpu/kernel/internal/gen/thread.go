package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
)

// thread writes what the worker pool needs of the CPU: the floating point control register and the pause.
func thread() {
	build.TEXT("getMXCSR", attr.NOSPLIT, "func() uint32")
	build.Doc("getMXCSR returns the SSE control register.")
	local := build.AllocLocal(8)
	v := build.GP32()
	build.STMXCSR(local)
	build.MOVL(local, v)
	build.Store(v, build.ReturnIndex(0))
	build.RET()

	build.TEXT("setMXCSR", attr.NOSPLIT, "func(v uint32)")
	build.Doc("setMXCSR sets the SSE control register.")
	build.LDMXCSR(address("v"))
	build.RET()

	build.TEXT("pauseCPU", attr.NOSPLIT, "func()")
	build.Doc("pauseCPU tells the CPU that this thread waits.")
	build.PAUSE()
	build.RET()
}
