package sdktest_test

import (
	"context"
	"fmt"

	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/sdktest"
)

// In a test one writes sdktest.Run(t, vicreg.Method{}); Check gives the results as values.
func ExampleCheck() {
	for _, r := range sdktest.Check(context.Background(), sdktest.Method(vicreg.Method{}))[3:5] {
		fmt.Println(r.Status, r.Check)
	}
	// Output:
	// pass determinism
	// pass gradients
}
