package wire

import (
	"fmt"
	"slices"

	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Kind is what a plugin is. Its text stands in file names: sslctl-method-NAME.
type Kind string

// The kinds of plugins.
const (
	Method      Kind = "method"
	Regulariser Kind = "regulariser"
	Backbone    Kind = "backbone"
)

// Kinds lists them, in the order in which lists show them.
func Kinds() []Kind { return []Kind{Method, Regulariser, Backbone} }

// Known reports whether k is one of the kinds.
func (k Kind) Known() bool { return slices.Contains(Kinds(), k) }

// Proto is the kind as protobuf has it.
func (k Kind) Proto() methodv1.Kind {
	switch k {
	case Method:
		return methodv1.Kind_KIND_METHOD
	case Regulariser:
		return methodv1.Kind_KIND_REGULARISER
	case Backbone:
		return methodv1.Kind_KIND_BACKBONE
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
	case methodv1.Kind_KIND_BACKBONE:
		return Backbone, nil
	}
	return "", fmt.Errorf("plugin kind %v is neither method, regulariser nor backbone: it may need a newer sslctl", k)
}
