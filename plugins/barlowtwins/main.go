// Command sslctl-method-barlowtwins serves barlowtwins as a plugin.
package main

import (
	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.Serve(barlowtwins.Method{}) }
