package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Digest names a program: the SHA-256, in hexadecimal, of an encoding of its own that depends on the meaning alone and
// not on a version of protobuf. Programs have equal digests exactly when their inputs, steps and outputs are equal.
//
// The encoding is the text "sslctl program 1", then inputs, steps and outputs, each list after
// its length. Numbers are eight bytes, little-endian; constants are IEEE 754 bits; a text stands after its length. The
// name of a custom op stands after -1, which no length can be, and only where there is one.
func Digest(p *expr.Program) string {
	d := digest{sha256.New()}
	d.text("sslctl program 1")
	d.number(len(p.Inputs))
	for _, port := range p.Inputs {
		d.text(port.Name)
		d.list(port.Shape)
	}
	d.number(len(p.Steps))
	for _, step := range p.Steps {
		d.text(string(step.Kind))
		d.list(step.In)
		d.attrs(step.Attrs)
		d.list(step.Shape)
	}
	d.number(len(p.Outputs))
	for _, o := range p.Outputs {
		d.text(o.Name)
		d.number(o.Value)
	}
	return hex.EncodeToString(d.h.Sum(nil))
}

type digest struct{ h hash.Hash }

func (d digest) bits(v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	d.h.Write(b[:])
}

func (d digest) number(v int)   { d.bits(uint64(v)) }
func (d digest) real(v float64) { d.bits(math.Float64bits(v)) }

func (d digest) flag(v bool) {
	if v {
		d.number(1)
	} else {
		d.number(0)
	}
}

func (d digest) text(s string) {
	d.number(len(s))
	d.h.Write([]byte(s))
}

func (d digest) list(v []int) {
	d.number(len(v))
	for _, x := range v {
		d.number(x)
	}
}

// attrs writes every field, in the order of the struct.
func (d digest) attrs(a expr.Attrs) {
	d.real(a.Alpha)
	d.real(a.Beta)
	d.list(a.Axes)
	d.flag(a.Keep)
	d.list(a.Shape)
	d.number(a.Axis)
	d.number(a.Start)
	d.number(a.Stop)
	d.flag(a.TransA)
	d.flag(a.TransB)
	d.number(a.Kernel)
	d.number(a.Stride)
	d.number(a.Pad)
	d.number(a.Groups)
	d.real(a.Eps)
	d.list(a.Index)
	if a.Custom != "" {
		d.number(-1)
		d.text(a.Custom)
	}
}
