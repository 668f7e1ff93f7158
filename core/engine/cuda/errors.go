package cuda

import (
	"errors"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// explain gives an error of the GPU its exit code and the hint that helps. Other errors, and those that have a code, stay
// what they are.
func explain(err error) error {
	if err == nil || fault.CodeOf(err) != fault.Internal {
		return err
	}
	hint, ours := hintFor(err)
	if !ours {
		return err
	}
	return fault.New(fault.Device, hint, "cuda: %w", err)
}

// hintFor is what helps; false where an error is none of the GPU's.
func hintFor(err error) (hint string, ours bool) {
	var missing *dl.MissingLibrary
	var symbol *dl.MissingSymbol
	var old *dl.TooOld
	var memory *engine.OutOfMemory
	var failed *drv.Error
	var refused *nvrtc.Error
	switch {
	case errors.As(err, &missing):
		return missing.Hint + "; sslctl device shows what is there, --device cpu runs without", true
	case errors.As(err, &symbol), errors.As(err, &old):
		return "update NVIDIA's driver or library; sslctl device shows what is there, --device cpu runs without", true
	case errors.As(err, &memory), errors.Is(err, drv.ErrOutOfMemory):
		return "lower train.batch, or end what else uses the GPU (nvidia-smi lists it)", true
	case errors.Is(err, drv.ErrLost):
		return "see nvidia-smi and the kernel's log (dmesg, Xid) for what happened to the GPU", true
	case errors.Is(err, drv.ErrNoDevice), errors.Is(err, drv.ErrInvalidDevice):
		return "sslctl device lists the GPUs; CUDA_VISIBLE_DEVICES may hide some; --device cpu runs without", true
	case errors.As(err, &refused):
		return "another version of NVRTC may help (pip install nvidia-cuda-nvrtc); report this with what sslctl device shows; --device cpu runs without", true
	case errors.As(err, &failed):
		return "sslctl device shows the versions of driver and libraries; --device cpu runs without", true
	}
	return "", false
}
