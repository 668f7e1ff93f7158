package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// errPermanent marks what another attempt would not change.
var errPermanent = errors.New("cannot be fetched")

// errStalled is the cause of a connection's end that gave no byte for too long.
var errStalled = errors.New("connection stalled")

// download completes part from an address, in as many attempts as get on. resumed reports whether part of the content
// was there before the call.
func (f *fetcher) download(ctx context.Context, address, part string, a artefact) (resumed bool, err error) {
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	resumed = have > 0
	if have == a.size {
		return resumed, nil // complete: a call that was cut off before the check
	}
	pause := f.pause
	for failures := 0; ; {
		before := have
		have, err = f.attempt(ctx, address, file, a)
		switch {
		case err == nil:
			return resumed, file.Sync()
		case ctx.Err() != nil:
			return resumed, context.Cause(ctx)
		case errors.Is(err, errPermanent):
			return resumed, err
		case have > before:
			failures, pause = 0, f.pause
		}
		if failures++; failures == attempts {
			return resumed, err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return resumed, context.Cause(ctx)
		}
	}
}

// attempt asks once for the rest of a file, or for all of it where nothing is there, and says how much is there then.
func (f *fetcher) attempt(ctx context.Context, address string, file *os.File, a artefact) (have int64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(f.Stall, func() { cancel(errStalled) })
	defer stall.Stop()

	have, err = file.Seek(0, io.SeekEnd)
	if err != nil {
		return have, err
	}
	response, err := f.request(ctx, address, have)
	if err != nil {
		return have, cause(ctx, err)
	}
	defer response.Body.Close()
	if have, err = accept(response, file, have); err != nil {
		return have, err
	}
	w := &meter{file: file, done: have, limit: 2*a.size + 1<<20, tell: func(done int64) {
		stall.Reset(f.Stall)
		f.Progress(a.name, done, a.size)
	}}
	_, err = io.Copy(w, response.Body)
	return w.done, cause(ctx, err)
}

// cause names why a context ended where that is what err comes from.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// request asks for a file from offset have on.
func (f *fetcher) request(ctx context.Context, address string, have int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPermanent, err)
	}
	r.Header.Set("User-Agent", "sslctl")
	r.Header.Set("Accept-Encoding", "identity") // the file as it is, not unpacked on the way
	if have > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	return f.Client.Do(r)
}

// accept prepares file for the body of an answer: at its end for the rest, emptied for the whole.
func accept(r *http.Response, file *os.File, have int64) (int64, error) {
	switch {
	case r.StatusCode == http.StatusPartialContent && have > 0:
		if !strings.HasPrefix(r.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) {
			return restart(file, fmt.Errorf("asked for bytes from %d, got %q", have, r.Header.Get("Content-Range")))
		}
		return have, nil
	case r.StatusCode == http.StatusOK: // no range asked for, or the server knows none
		return restart(file, nil)
	case r.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0:
		return restart(file, errors.New("the file is shorter than what is there"))
	case r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusRequestTimeout:
		return have, fmt.Errorf("%s", r.Status)
	}
	return have, fmt.Errorf("%w: %s", errPermanent, r.Status)
}

// restart empties file and returns err.
func restart(file *os.File, err error) (int64, error) {
	if truncated := file.Truncate(0); truncated != nil {
		return 0, truncated
	}
	if _, sought := file.Seek(0, io.SeekStart); sought != nil {
		return 0, sought
	}
	return 0, err
}

// meter writes to a file, up to a limit, and tells how far it has come.
type meter struct {
	file        *os.File
	done, limit int64
	tell        func(done int64)
}

func (m *meter) Write(p []byte) (int, error) {
	if m.done+int64(len(p)) > m.limit {
		return 0, fmt.Errorf("%w: more than %d bytes, not the published file", errPermanent, m.limit)
	}
	n, err := m.file.Write(p)
	m.done += int64(n)
	m.tell(m.done)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errPermanent, err) // the disk, not the network
	}
	return n, nil
}
