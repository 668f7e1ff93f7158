package experiment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// Once gives the result of a configuration at the least cost: that of a finished run with the same hash in Config.Out, or an
// interrupted one continued, or a new one. reused says that nothing had to be computed. A run that diverged does so every
// time: it is reused too, as an error with fault.Diverged. A run that another process is at is an error. Runs of another program
// do not count: a method's plugin may have changed since.
func Once(ctx context.Context, c config.Config, o Options) (result run.Result, folder *run.Folder, reused bool, err error) {
	found, err := o.find(ctx, c)
	if err != nil {
		return result, nil, false, err
	}
	switch folder, why := found.best(); {
	case folder == nil:
		_, folder, err := Start(ctx, c, o)
		return reread(folder, err)
	case found[run.Done].folder != nil:
		result, err := folder.Result()
		return result, folder, true, err
	case found[run.Diverged].folder != nil:
		return result, folder, true, fault.New(fault.Diverged, "", "%s", why)
	case found[run.Running].folder != nil:
		return result, folder, false, fault.New(fault.Usage, "wait for it, or stop it and repeat the command, which then continues it",
			"run %s of the same configuration is in progress", folder.Dir())
	default:
		_, folder, err := Continue(ctx, folder.Dir(), o)
		return reread(folder, err)
	}
}

// reread takes the result of a new run from its folder, so that it has the same digits as when it is reused.
func reread(folder *run.Folder, err error) (run.Result, *run.Folder, bool, error) {
	if err != nil {
		return run.Result{}, folder, false, err
	}
	result, err := folder.Result()
	return result, folder, false, err
}

// candidates are the newest runs of a configuration, by status.
type candidates map[run.Status]candidate

type candidate struct {
	folder *run.Folder
	reason string
}

// best is the run that costs least to have a result of; nil where there is none but failed ones.
func (c candidates) best() (folder *run.Folder, reason string) {
	for _, s := range []run.Status{run.Done, run.Diverged, run.Running, run.Interrupted} {
		if f := c[s]; f.folder != nil {
			return f.folder, f.reason
		}
	}
	return nil, ""
}

// find looks through the folders of Config.Out for runs of the configuration and of the program that it has now.
func (o Options) find(ctx context.Context, c config.Config) (candidates, error) {
	entries, err := os.ReadDir(c.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	programs, err := o.programs(c)
	if err != nil {
		return nil, err
	}
	found := candidates{}
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
		same, err := programs.same(ctx, p)
		if err != nil {
			return nil, err
		}
		if !same {
			o.Log.Info("a run of the same configuration does not count: a plugin has changed since", zap.String("run", f.Dir()))
			continue
		}
		if status, reason, err := f.Status(); err == nil {
			found[status] = candidate{f, reason}
		}
	}
	return found, nil
}
