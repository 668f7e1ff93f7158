// Command sslctl-method-byol serves byol as a plugin.
package main

import (
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.Serve(byol.Method{}) }
