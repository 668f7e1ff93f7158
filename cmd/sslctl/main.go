// Command sslctl trains image representations without labels, compares the methods that do, and says when they collapse.
package main

import (
	"os"

	"github.com/sslctl/sslctl/plugins"
)

func main() {
	if plugins.ServeRequested() {
		return
	}
	os.Exit(int(run(os.Args[1:], newApp())))
}
