package plugin_test

import (
	"testing"

	"github.com/sslctl/sslctl/sdk/plugin"
	"github.com/sslctl/sslctl/sdk/wire"
)

func TestRequested(t *testing.T) {
	for _, tc := range []struct {
		value string
		kind  wire.Kind
		name  string
		ok    bool
	}{
		{plugin.Request(wire.Method, "vicreg"), wire.Method, "vicreg", true},
		{plugin.Request(wire.Regulariser, "cov"), wire.Regulariser, "cov", true},
		{"", "", "", false},
		{"vicreg", "", "", false},
		{"method/", "", "", false},
	} {
		kind, name, ok := plugin.Requested(tc.value)
		if ok != tc.ok || ok && (kind != tc.kind || name != tc.name) {
			t.Errorf("%q is %q, %q, %v", tc.value, kind, name, ok)
		}
	}
}
