//go:build !unix

package plugin

// lifeline needs processes that inherit a pipe by number. Elsewhere a plugin ends when its host stops it, and stays where
// the host was killed outright.
type lifeline struct{}

func watchHost() *lifeline { return nil }

func (*lifeline) release() {}
