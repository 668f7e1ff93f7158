// Command sslctl-method-simsiam serves simsiam as a plugin.
package main

import (
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.Serve(simsiam.Method{}) }
