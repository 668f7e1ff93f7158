//go:build unix

package host_test

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

func encoded(t *methodv1.Traced) []byte {
	data, err := proto.Marshal(t)
	if err != nil {
		panic(err)
	}
	return data
}

// inflated is 32 MiB of empty steps, which decoded would fill gigabytes.
func inflated() []byte {
	step := protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), nil)
	program := bytes.Repeat(step, 16<<20)
	return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), program)
}
