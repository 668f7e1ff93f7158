package cuda

import (
	"encoding/binary"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// writeTables brings the tables of all kernels to the device, once: addresses stay what they are.
func (e *Executable) writeTables() error {
	e.tables = map[*kernels.Arg]drv.Ptr{}
	for _, g := range e.groups {
		for _, c := range g.lowered.Calls {
			for _, a := range c.Args {
				table, ok := a.(kernels.Table)
				if !ok {
					continue
				}
				p, err := e.writeTable(table)
				if err != nil {
					return err
				}
				e.tables[&table[0]] = p
			}
		}
	}
	return nil
}

func (e *Executable) writeTable(table kernels.Table) (drv.Ptr, error) {
	var words []byte
	for _, w := range table {
		switch w := w.(type) {
		case kernels.Address:
			words = binary.LittleEndian.AppendUint64(words, uint64(e.Address(engine.ID(w))))
		case kernels.Int64:
			words = binary.LittleEndian.AppendUint64(words, uint64(w))
		}
	}
	p, err := e.reserve(len(words))
	if err != nil {
		return 0, err
	}
	if err := e.device.compute.CopyIn(p, words); err != nil {
		return 0, err
	}
	return p, e.device.compute.Synchronize()
}
