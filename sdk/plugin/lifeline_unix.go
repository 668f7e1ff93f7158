//go:build unix

package plugin

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/go-plugin"
	"github.com/sourcegraph/conc"

	"github.com/sslctl/sslctl/sdk/plugin/internal/handshake"
)

// lifeline ends the process with its host. The host holds the other end of a pipe and writes nothing: when it dies,
// even by SIGKILL, the kernel closes that end and the read returns.
type lifeline struct {
	pipe     *os.File
	watching conc.WaitGroup
	released chan struct{}
}

// watchHost watches the host that started this process; a nil line where it gave none.
func watchHost() *lifeline {
	fd, err := strconv.Atoi(os.Getenv(handshake.LifelineKey))
	if err != nil || fd < 3 {
		return nil
	}
	syscall.CloseOnExec(fd)
	if syscall.SetNonblock(fd, true) != nil { // so that release can end the read
		return nil
	}
	l := &lifeline{pipe: os.NewFile(uintptr(fd), "lifeline"), released: make(chan struct{})}
	l.watching.Go(l.watch)
	return l
}

func (l *lifeline) watch() {
	_, _ = io.Copy(io.Discard, l.pipe)
	select {
	case <-l.released:
	default:
		removeSockets(os.Getenv(plugin.EnvUnixSocketDir))
		os.Exit(1)
	}
}

// release stops watching.
func (l *lifeline) release() {
	if l == nil {
		return
	}
	close(l.released)
	_ = l.pipe.Close()
	l.watching.Wait()
}

// removeSockets does what a dead host no longer can: it removes this process's sockets, then their folders where
// nothing else is left in them.
func removeSockets(dir string) {
	if dir == "" {
		return
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Type()&fs.ModeSocket != 0 {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	parent := filepath.Dir(dir)
	if os.Remove(dir) == nil && strings.HasPrefix(filepath.Base(parent), handshake.SocketDirPrefix) {
		_ = os.Remove(parent)
	}
}
