package optim_test

import (
	"testing"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

func newPool(t testing.TB, threads int) *kernel.Pool {
	p := kernel.NewPool(threads)
	t.Cleanup(p.Close)
	return p
}
