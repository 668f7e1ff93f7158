package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"time"

	"github.com/sslctl/sslctl/core/fault"
)

// stall is how long a connection may give no byte.
const stall = 30 * time.Second

// errStalled is the cause of a connection's end that gave no byte for too long.
var errStalled = errors.New("connection stalled")

// download fetches an executable. An address without encryption, at the beginning or by redirection, is taken only where
// the sum is known: anybody on the way could change what is started next.
func download(ctx context.Context, address, file string, o Options) error {
	client := o.Client
	if client == nil {
		client = &http.Client{}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stall, func() { cancel(errStalled) })
	defer watch.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fault.New(fault.Usage, "give the path of an executable, or an address of https://", "install: %w", err)
	}
	if request.URL.Scheme == "http" && o.SHA256 == "" {
		return plain(address)
	}
	request.Header.Set("User-Agent", "sslctl")
	response, err := client.Do(request)
	if err != nil {
		return unreachable(ctx, address, err)
	}
	defer response.Body.Close()
	switch {
	case response.Request.URL.Scheme == "http" && o.SHA256 == "":
		return plain(response.Request.URL.String())
	case response.StatusCode != http.StatusOK:
		return fault.New(fault.Data, "check the address in a browser", "install %s: %s", address, response.Status)
	case response.ContentLength > MaxBytes:
		return fault.New(fault.Data, "check the address: a plugin is smaller", "install %s: it has %d MiB, more than %d", address, response.ContentLength>>20, MaxBytes>>20)
	}
	body := &meter{from: response.Body, name: path.Base(request.URL.Path), total: response.ContentLength, progress: o.Progress, alive: func() { watch.Reset(stall) }}
	if err := write(body, file, address); err != nil {
		if ctx.Err() != nil {
			return unreachable(ctx, address, err)
		}
		return err
	}
	return nil
}

func plain(address string) error {
	return fault.New(fault.Usage, "give --sha256 as its author publishes it, or an address of https://", "install %s: it is not encrypted", address)
}

// unreachable is what a request failed of. That the caller gave up is nobody's fault.
func unreachable(ctx context.Context, address string, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errStalled) {
		return fmt.Errorf("install %s: %w", address, cause)
	} else if cause != nil {
		err = cause
	}
	return fault.New(fault.Data, "check network and proxy, or download the file and install its path", "install %s: %w", address, err)
}

// meter tells how far a download has come.
type meter struct {
	from        io.Reader
	name        string
	done, total int64
	progress    func(string, int64, int64)
	alive       func()
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.done += int64(n)
	m.alive()
	if m.progress != nil && m.total > 0 {
		m.progress(m.name, m.done, m.total)
	}
	return n, err
}
