package wire

import (
	"fmt"

	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Kind is what a plugin is. Its text stands in file names: sslctl-method-NAME.
type Kind string

// The kinds of plugins.
const (
	Method      Kind = "method"
	Regulariser Kind = "regulariser"
)

// Proto is the kind as protobuf has it.
func (k Kind) Proto() methodv1.Kind {
	switch k {
	case Method:
		return methodv1.Kind_KIND_METHOD
	case Regulariser:
		return methodv1.Kind_KIND_REGULARISER
	}
	return methodv1.Kind_KIND_UNSPECIFIED
}

// KindOf reads a kind.
func KindOf(k methodv1.Kind) (Kind, error) {
	switch k {
	case methodv1.Kind_KIND_METHOD:
		return Method, nil
	case methodv1.Kind_KIND_REGULARISER:
		return Regulariser, nil
	}
	return "", fmt.Errorf("plugin kind %v is neither method nor regulariser", k)
}
