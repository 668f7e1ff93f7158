// Command build builds the fakes of NVIDIA's libraries and prints their folder, for scripts that point a program to it.
package main

import (
	"fmt"
	"os"

	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

func main() {
	folder, err := fake.Build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(folder)
}
