// Command sslctl-method-vicreg serves vicreg as a plugin.
package main

import (
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.Serve(vicreg.Method{}) }
