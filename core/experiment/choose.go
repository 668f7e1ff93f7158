package experiment

import (
	"fmt"
	"strings"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine/cuda/inventory"
)

// Choices are the reasons of what was taken for auto, for people; "" where there was nothing to choose.
type Choices struct{ Device, Precision string }

// Choose replaces the device auto and the precision auto by what will be used on this machine: the first GPU where one can be
// used, else the CPU; bf16 on a GPU whose tensor cores multiply it, else fp32. It comes before the configuration's hash is asked
// for, since either changes the rounding and a run goes on as it began. Other values it gives back as they are.
func Choose(c config.Config) (config.Config, Choices) {
	var why Choices
	var found inventory.Inventory
	if needsInventory(c) {
		found = inventory.TakeNeeded()
	}
	if c.Device == "auto" {
		c.Device, why.Device = chooseDevice(found)
	}
	if c.Train.Precision == "auto" {
		c.Train.Precision, why.Precision = choosePrecision(c.Device, found)
	}
	return c, why
}

// needsInventory says whether a choice depends on the machine's GPUs.
func needsInventory(c config.Config) bool {
	_, gpu := gpuNumber(c.Device)
	return c.Device == "auto" || gpu && c.Train.Precision == "auto"
}

// chooseDevice is the device auto of a machine.
func chooseDevice(found inventory.Inventory) (device, why string) {
	if err := found.Usable(); err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		return "cpu", "--device auto takes cpu, no GPU can be used: " + reason
	}
	return "cuda", "--device auto takes cuda: " + found.GPUs[0].Name
}

// choosePrecision is the precision auto on a device. A GPU that is not there, which OpenMachine refuses, has none to explain.
func choosePrecision(device string, found inventory.Inventory) (precision, why string) {
	index, ok := gpuNumber(device)
	if !ok || index >= len(found.GPUs) {
		return "fp32", ""
	}
	gpu := found.GPUs[index]
	if gpu.BF16 {
		return "bf16", fmt.Sprintf("--precision auto takes bf16, which the tensor cores of compute capability %s multiply; --precision fp32 keeps to float32", gpu.Compute)
	}
	return "fp32", fmt.Sprintf("--precision auto takes fp32: compute capability %s has no tensor cores for bfloat16; --precision bf16 still halves the memory of activations", gpu.Compute)
}
