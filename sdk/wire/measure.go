package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// MaxBytes bounds an encoded message, on the wire as in a file.
const MaxBytes = 64 << 20

// The price of decoding, in words of memory. A message of two bytes becomes a struct of many words, so bytes alone say
// little: 64 MiB of empty steps would fill gigabytes.
const (
	budget       = 1 << 23 // 64 MiB
	messagePrice = 64      // the largest structs, their pointers and what they are converted to
	maxDepth     = 32
)

// versions reads the versions of the programs in data alone, so that a program from the future is refused for what it
// is and not for a field that is not known yet.
func versions(data []byte, d protoreflect.MessageDescriptor) error {
	return fields(data, func(num protowire.Number, _ protowire.Type, value []byte) error {
		fd := d.Fields().ByNumber(num)
		if fd == nil || fd.Message() == nil {
			return nil
		}
		switch fd.Message().Name() {
		case "Program", "Regularisation", "Network":
			return versions(value, fd.Message())
		case "ProgramVersion":
			version := &methodv1.ProgramVersion{}
			if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(value, version); err != nil {
				return fmt.Errorf("decode the program's version: %w", err)
			}
			return fromproto.Version(version)
		}
		return nil
	})
}

// measure walks encoded bytes, refuses what the schema lacks and bounds the memory that decoding would take.
func measure(data []byte, d protoreflect.MessageDescriptor) error {
	if len(data) > MaxBytes {
		return fmt.Errorf("%d bytes; at most %d", len(data), MaxBytes)
	}
	left := budget
	return walk(data, d, 0, &left)
}

func walk(data []byte, d protoreflect.MessageDescriptor, depth int, left *int) error {
	if depth > maxDepth {
		return fmt.Errorf("messages are nested deeper than %d", maxDepth)
	}
	if err := spend(left, messagePrice); err != nil {
		return err
	}
	return fields(data, func(num protowire.Number, typ protowire.Type, value []byte) error {
		fd := d.Fields().ByNumber(num)
		if fd == nil {
			return fmt.Errorf("%s has no field %d", d.FullName(), num)
		}
		packed := typ == protowire.BytesType && fd.IsList() && wireType(fd.Kind()) != protowire.BytesType
		if !packed && typ != wireType(fd.Kind()) {
			return fmt.Errorf("%s has the wrong wire type", fd.FullName())
		}
		switch {
		case packed:
			return spend(left, elements(value, fd.Kind()))
		case fd.Message() != nil:
			return walk(value, fd.Message(), depth+1, left)
		}
		return spend(left, 2+len(value)/8)
	})
}

func spend(left *int, price int) error {
	if *left -= price; *left < 0 {
		return fmt.Errorf("the message would take more than %d MiB of memory", budget*8>>20)
	}
	return nil
}

// fields calls do for each field of an encoded message; value is the contents of a field of bytes, else nil.
func fields(data []byte, do func(num protowire.Number, typ protowire.Type, value []byte) error) error {
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return fmt.Errorf("decode: %w", protowire.ParseError(n))
		}
		data = data[n:]
		var value []byte
		if typ == protowire.BytesType {
			value, n = protowire.ConsumeBytes(data)
		} else {
			n = protowire.ConsumeFieldValue(num, typ, data)
		}
		if n < 0 {
			return fmt.Errorf("decode: %w", protowire.ParseError(n))
		}
		data = data[n:]
		if err := do(num, typ, value); err != nil {
			return err
		}
	}
	return nil
}

// elements counts the numbers of a packed list.
func elements(value []byte, k protoreflect.Kind) int {
	switch wireType(k) {
	case protowire.Fixed64Type:
		return len(value) / 8
	case protowire.Fixed32Type:
		return len(value) / 4
	}
	n := 0
	for _, b := range value {
		if b < 0x80 { // the last byte of a varint
			n++
		}
	}
	return n
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protowire.Fixed32Type
	case protoreflect.GroupKind:
		return protowire.StartGroupType
	}
	return protowire.VarintType
}
