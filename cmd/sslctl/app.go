package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/plugins"
	"github.com/sslctl/sslctl/sdk/wire"
)

// app is what a command reaches outside itself: results go to stdout, all else to stderr.
type app struct {
	stdout, stderr io.Writer
	logs           *screen // stderr for what may be written while bars are drawn
	env            []string
	self           string // path of this program
	terminal       bool   // stderr is one
	colour         bool   // stdout takes colours

	// global flags
	json       bool
	quiet      bool
	logLevel   zap.AtomicLevel
	levelGiven bool // by the flag
	pluginDirs []string
}

func newApp() *app {
	self, err := os.Executable()
	if err != nil {
		self = ""
	}
	return &app{logs: &screen{out: os.Stderr}, logLevel: zap.NewAtomicLevelAt(zap.InfoLevel), stdout: os.Stdout, stderr: os.Stderr, env: os.Environ(), self: self,
		terminal: isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("CI") == "",
		colour:   isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""}
}

// run executes a command line and returns its exit code. An error becomes one line that says what is wrong and one that
// says what to do, or an object with --json; both go to stderr.
func run(args []string, a *app) (code fault.Code) {
	defer func() {
		if r := recover(); r != nil {
			code = fault.Internal
			a.fail(crashed(r, debug.Stack()))
		}
	}()
	a.json = wantsJSON(args) // also where a wrong flag comes first
	user, stopUser := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stopUser()
	ctx, stop := signal.NotifyContext(user, batchSignals()...)
	defer stop()
	// A second signal ends the program at once.
	defer context.AfterFunc(ctx, func() { stop(); stopUser() })()
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		err = ended(err, !signalled(user))
	}
	if err != nil {
		a.fail(err)
	}
	return fault.CodeOf(err)
}

// signalled reports whether it was a signal that ended a context of signal.NotifyContext, and not the call that frees it.
func signalled(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) != context.Canceled // errors.Is would take the signal's cause for it
}

// ended gives an error after a signal its code: whatever was under way has not failed, it was told to stop. batch says that
// the signal was a batch system's.
func ended(err error, batch bool) error {
	switch code := fault.CodeOf(err); {
	case code != fault.Interrupted && code != fault.Internal:
		return err
	case code == fault.Internal:
		err = fault.New(fault.Interrupted, "nothing was begun that could be continued; start it again", "interrupted: %w", err)
	}
	if batch {
		return fault.New(fault.Requeue, fault.HintOf(err), "%w", err)
	}
	return err
}

// wantsJSON reports whether --json stands before an end of flags.
func wantsJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json")
}

// crashed writes what a bug report needs into a file and names it.
func crashed(cause any, stack []byte) error {
	text := fmt.Sprintf("sslctl %s %s/%s %s\n%q\n\n%v\n\n%s", version(), runtime.GOOS, runtime.GOARCH, runtime.Version(), os.Args, cause, stack)
	f, err := os.CreateTemp("", "sslctl-crash-*.txt")
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fault.New(fault.Internal, "this is a bug; report it with this text: "+text, "%v", cause)
	}
	return fault.New(fault.Internal, "this is a bug; report it with the file "+f.Name(), "%v", cause)
}

// fail prints an error for people, or with --json for programs.
func (a *app) fail(err error) {
	message, hint := oneLine(err.Error()), oneLine(fault.HintOf(err))
	if fault.CodeOf(err) == fault.Internal {
		message = "internal: " + message
		if hint == "" {
			hint = "this is a bug or something that nobody foresaw; report it with the command line and --log-level debug"
		}
	}
	if a.json {
		object := map[string]any{"error": map[string]any{"code": int(fault.CodeOf(err)), "summary": message, "hint": hint}}
		_ = json.NewEncoder(a.stderr).Encode(object) // there is nobody left to tell
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
	e.SetEscapeHTML(false)
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
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", a.json, "print results as JSON on stdout, everything else on stderr")
	f.Lookup("json").DefValue = "false"
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress, only results and errors")
	f.Var(levelFlag{a}, "log-level", "least severe message on stderr: debug, info, warn, error")
	f.StringArrayVar(&a.pluginDirs, "plugin-dir", nil, "`FOLDER` to search for plugins first (repeatable)")
	root.SetFlagErrorFunc(flagError)
	group(root, a.runCommand(), a.evalCommand(), a.objectiveCommand(), a.methodCommand(), a.regulariserCommand(), a.backboneCommand(), a.pluginCommand(), a.dataCommand(), a.configCommand(),
		a.compareCommand(), a.sweepCommand(), a.ablateCommand(),
		a.reportCommand(), a.benchCommand(), a.deviceCommand(), a.versionCommand(), a.completionCommand())
	complete(root, "plugin-dir", completeFolders)
	complete(root, "log-level", cobra.FixedCompletions([]cobra.Completion{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	return root
}

// settle takes from a configuration what concerns the program rather than the run. Flags win.
func (a *app) settle(c config.Config) {
	a.quiet = a.quiet || c.Quiet
	switch c.Progress {
	case "on":
		a.terminal = true
	case "off":
		a.terminal = false
	}
	if !a.levelGiven {
		_ = a.logLevel.UnmarshalText([]byte(c.LogLevel)) // one of the choices, which are all levels
	}
}

// logger writes to stderr at the level of --log-level.
func (a *app) logger() *zap.Logger {
	return runfolder.NewLogger(runfolder.LogOptions{Stderr: a.logs, Level: a.logLevel, JSON: a.json})
}

// session opens what asks plugins; close ends it.
func (a *app) session(log *zap.Logger) (s *session.Session, close func()) {
	h := host.New(host.Options{Logger: log.Named("plugin"), PluginDirs: a.pluginDirs, Self: a.self, Shipped: plugins.Shipped(),
		Taken: map[wire.Kind][]string{wire.Backbone: session.ShippedBackbones()}})
	return &session.Session{Host: h}, h.Close
}

// levelFlag is --log-level.
type levelFlag struct{ *app }

// String is the level.
func (l levelFlag) String() string {
	if l.app == nil {
		return ""
	}
	return l.logLevel.String()
}

// Set reads the flag's text.
func (l levelFlag) Set(s string) error {
	l.levelGiven = true
	return l.logLevel.UnmarshalText([]byte(s))
}

// Type is shown in --help.
func (levelFlag) Type() string { return "LEVEL" }
