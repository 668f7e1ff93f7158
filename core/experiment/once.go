package experiment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/run"
)

// Once gives the result of a configuration at the least cost: that of a finished run with the same hash in Config.Out, or an
// interrupted one continued, or a new one. reused says that nothing had to be computed.
func Once(ctx context.Context, c config.Config, o Options) (result run.Result, folder *run.Folder, reused bool, err error) {
	finished, open, err := find(c)
	switch {
	case err != nil:
		return result, nil, false, err
	case finished != nil:
		result, err = finished.Result()
		return result, finished, true, err
	case open != nil:
		result, folder, err = Continue(ctx, open.Dir(), o)
	default:
		result, folder, err = Start(ctx, c, o)
	}
	return result, folder, false, err
}

// find looks through the folders of Config.Out for runs of the configuration: a finished one, and one that can be continued.
func find(c config.Config) (finished, open *run.Folder, err error) {
	entries, err := os.ReadDir(c.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	hash := c.Hash()
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		f, err := run.Open(filepath.Join(c.Out, e.Name()))
		if err != nil {
			continue // no run folder, or one that was never begun
		}
		p, err := f.Provenance()
		if err != nil || p.ConfigHash != hash {
			continue
		}
		switch status, _, err := f.Status(); {
		case err != nil:
		case status == run.Done:
			finished = f
		case status == run.Interrupted:
			open = f
		}
	}
	return finished, open, nil
}
