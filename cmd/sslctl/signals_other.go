//go:build !unix

package main

import (
	"os"
	"syscall"
)

// batchSignals are what a batch system sends before it takes the machine away.
func batchSignals() []os.Signal { return []os.Signal{syscall.SIGTERM} }
