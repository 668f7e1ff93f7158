package main

import (
	"bytes"
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/compare"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/report"
	runfolder "github.com/sslctl/sslctl/core/run"
)

// studyFlags are the flags of compare, sweep and ablate.
type studyFlags struct {
	layerFlags
	seeds, parallel int
	format          string
	out             []string
}

// newStudyFlags are all flags of run; without --method where the study names the methods.
func newStudyFlags(withMethod bool) *studyFlags {
	f := &studyFlags{}
	for _, s := range shortcuts() {
		if s.flag != "method" || withMethod {
			f.only = append(f.only, s.flag)
		}
	}
	return f
}

func (s *studyFlags) register(a *app, c *cobra.Command, seeds int, usage string) {
	s.layerFlags.register(a, c)
	f := c.Flags()
	f.IntVar(&s.seeds, "seeds", seeds, usage)
	f.IntVar(&s.parallel, "parallel", 0, "runs at a time, which share the cores out (default one a core)")
	f.StringVar(&s.format, "format", compare.Terminal, "what stdout gets: "+strings.Join(compare.Formats(), ", "))
	f.StringArrayVar(&s.out, "out", nil, "also write the table to this `FILE`: .csv, .md, .html, .json or .txt (repeatable)")
}

// check refuses what can be refused before anything runs.
func (s *studyFlags) check() error {
	if s.seeds < 0 || s.parallel < 0 {
		return fault.New(fault.Usage, "leave it out, or give a whole number from 1 on", "--seeds and --parallel cannot be negative")
	}
	for _, path := range s.out {
		if _, err := compare.FormatOf(path); err != nil {
			return err
		}
	}
	return compare.CheckFormat(s.format)
}

// plan makes a study of the layers, and the report of what its runs came to.
type plan func(ctx context.Context, resolve compare.Resolve, l config.Layers) (compare.Study, error)

type summary func(s compare.Study, outcomes []compare.Outcome, command string) (compare.Report, error)

// study conducts a study and shows its report. What a run shows goes to its own folder; here is one line for all.
func (a *app) study(cmd *cobra.Command, f *studyFlags, makeStudy plan, summarise summary) error {
	if err := f.check(); err != nil {
		return err
	}
	layers, err := f.layers(cmd, a.env)
	if err != nil {
		return err
	}
	log := a.logger()
	asking, closeSession := a.session(log)
	defer closeSession()
	machine := chooser{log: log}
	resolve := func(ctx context.Context, l config.Layers) (config.Config, error) {
		r, err := asking.Resolve(ctx, l)
		if err != nil {
			return config.Config{}, err
		}
		return machine.choose(r.Config()), nil
	}
	study, err := makeStudy(cmd.Context(), resolve, layers)
	if err != nil {
		return err
	}
	if f.seeds > 0 {
		study.Seeds = f.seeds
	}
	p := a.studyProgress()
	runner := func(ctx context.Context, t compare.Task) (compare.Finish, error) {
		o := experiment.Options{Session: asking, Log: log, Version: version(), Observe: p.watch(t)}
		result, folder, reused, err := experiment.Once(ctx, t.Config, o)
		return compare.Finish{Result: result, Dir: dirOf(folder), Reused: reused}, err
	}
	outcomes, err := compare.Conduct(cmd.Context(), study, f.parallel, runner, p.told)
	p.close()
	if err != nil {
		return err
	}
	r, err := summarise(study, outcomes, report.ShellLine(append([]string{"sslctl"}, os.Args[1:]...)))
	if err != nil {
		return err
	}
	return a.publish(r, f)
}

func dirOf(f *runfolder.Folder) string {
	if f == nil {
		return ""
	}
	return f.Dir()
}

// publish writes the files that were asked for, then stdout.
func (a *app) publish(r compare.Report, f *studyFlags) error {
	for _, path := range f.out {
		format, err := compare.FormatOf(path)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := r.Write(&b, format); err != nil {
			return err
		}
		if err := durable.WriteFile(path, b.Bytes()); err != nil {
			return fault.New(fault.Usage, "choose another place by --out; repeating the command computes nothing anew", "write the table: %w", err)
		}
	}
	if a.json {
		return r.Write(a.stdout, compare.JSON)
	}
	return r.Write(a.stdout, f.format)
}
