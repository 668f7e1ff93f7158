//go:build !amd64

package kernel

func (i ISA) supported() bool { return i == Plain }

func flushDenormals() uint32  { return 0 }
func restoreDenormals(uint32) {}
func pause()                  {}
