package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/plugins"
)

// app is what a command reaches outside itself: results go to stdout, all else to stderr.
type app struct {
	stdout, stderr io.Writer
	env            []string
	self           string // path of this program
	terminal       bool   // stderr is one
	colour         bool   // stdout takes colours

	// global flags
	json       bool
	quiet      bool
	logLevel   zap.AtomicLevel
	pluginDirs []string
}

func newApp() *app {
	self, err := os.Executable()
	if err != nil {
		self = ""
	}
	return &app{logLevel: zap.NewAtomicLevelAt(zap.WarnLevel), stdout: os.Stdout, stderr: os.Stderr, env: os.Environ(), self: self,
		terminal: isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("CI") == "",
		colour:   isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""}
}

// run executes a command line and returns its exit code. An error becomes one line that says what is wrong and one that
// says what to do, or an object with --json.
func run(args []string, a *app) (code fault.Code) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(a.stderr, "error: internal: %v\nhint: this is a bug; please report it with what follows\n%s", r, debug.Stack())
			code = fault.Internal
		}
	}()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	defer context.AfterFunc(ctx, stop)()
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		a.report(err)
	}
	return fault.CodeOf(err)
}

// report prints an error for people, or with --json for programs.
func (a *app) report(err error) {
	message, hint := oneLine(err.Error()), oneLine(fault.HintOf(err))
	if a.json {
		_ = a.printJSON(map[string]any{"error": map[string]any{"code": int(fault.CodeOf(err)), "summary": message, "hint": hint}})
		return
	}
	fmt.Fprintf(a.stderr, "error: %s\n", message)
	if hint != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", hint)
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// printJSON writes one object to stdout.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sslctl",
		Short: "Self-supervised learning of image representations: train, probe and compare joint-embedding methods",
		Long: "sslctl trains image representations without labels, with methods that are plugins (VICReg, BYOL, SimSiam, Barlow Twins\n" +
			"and your own), judges them by linear and nearest-neighbour probes, and says whether and why they collapse.",
		Example: "  sslctl run --method vicreg --data fashion-mnist\n" +
			"  sslctl run --method byol --add-reg var,cov --data ./photos\n" +
			"  sslctl method describe vicreg",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print results as JSON on stdout, everything else on stderr")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress, only results and errors")
	f.Var(levelFlag{a.logLevel}, "log-level", "least severe message on stderr: debug, info, warn, error")
	f.StringArrayVar(&a.pluginDirs, "plugin-dir", nil, "folder to search for plugins first (repeatable)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.New(fault.Usage, c.CommandPath()+" --help shows the flags", "%w", err)
	})
	root.AddCommand(a.runCommand(), a.evalCommand(), a.benchCommand())
	return root
}

// noArgs and oneArg are cobra's checks as faults.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fault.New(fault.Usage, c.CommandPath()+" --help shows how it is called", "unexpected argument %q", args[0])
	}
	return nil
}

// logger writes to stderr at the level of --log-level.
func (a *app) logger() *zap.Logger {
	return runfolder.NewLogger(runfolder.LogOptions{Stderr: a.stderr, Level: a.logLevel, JSON: a.json})
}

// session opens what asks plugins; close ends it.
func (a *app) session(log *zap.Logger) (s *session.Session, close func()) {
	h := host.New(host.Options{Logger: log.Named("plugin"), PluginDirs: a.pluginDirs, Self: a.self, Shipped: plugins.Shipped()})
	return &session.Session{Host: h}, h.Close
}

// interrupted reports whether an error is the user's own doing.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || fault.CodeOf(err) == fault.Interrupted
}

// levelFlag is --log-level.
type levelFlag struct{ zap.AtomicLevel }

// Set reads the flag's text.
func (l levelFlag) Set(s string) error { return l.UnmarshalText([]byte(s)) }

// Type is shown in --help.
func (levelFlag) Type() string { return "LEVEL" }
