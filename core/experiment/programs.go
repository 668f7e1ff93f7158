package experiment

import (
	"context"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/sdk/wire"
)

// programs tells whether runs of a configuration have the program that it has now. A configuration names a method, whose author
// may have changed the objective since. Plugins are asked once, and not at all where the binary ships everything.
type programs struct {
	Options
	config  config.Config
	foreign bool
	now     *session.Program // nil: not asked yet
	hash    string           // of now
}

func (o Options) programs(c config.Config) (*programs, error) {
	foreign, err := o.Session.Foreign(c)
	return &programs{Options: o, config: c, foreign: foreign}, err
}

// same reports whether a run has the program of now.
func (p *programs) same(ctx context.Context, was run.Provenance) (bool, error) {
	if !p.foreign && !foreign(was) {
		return true, nil
	}
	if p.now == nil {
		if err := p.ask(ctx); err != nil {
			return false, err
		}
	}
	return p.hash == was.ProgramHash && p.sameOps(was), nil
}

// foreign reports whether a run's program came from plugins that the binary does not ship.
func foreign(was run.Provenance) bool {
	found := was.Method.SHA256 != ""
	for _, r := range was.Regularisers {
		found = found || r.SHA256 != ""
	}
	return found
}

// ask traces the program as Start would.
func (p *programs) ask(ctx context.Context) error {
	splits, err := session.Open(ctx, p.config, p.skipped)
	if err != nil {
		return err
	}
	program, err := p.Session.Trace(ctx, p.config, session.Images(p.config, splits))
	if err != nil {
		return err
	}
	encoded, err := wire.MarshalTraced(program.Traced)
	p.now, p.hash = program, run.Hash(encoded)
	return err
}

// sameOps reports whether the custom ops of equal programs are computed by the same executables: a program only names them.
func (p *programs) sameOps(was run.Provenance) bool {
	same := len(was.Method.CustomOps) == 0 || was.Method.SHA256 == p.now.Plugin.SHA256
	for i, r := range was.Regularisers {
		same = same && (len(r.CustomOps) == 0 || r.SHA256 == p.now.Penalisers[i].SHA256)
	}
	return same
}
