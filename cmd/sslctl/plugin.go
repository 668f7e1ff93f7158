package main

import "github.com/spf13/cobra"

func (a *app) pluginCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "plugin",
		Short:   "Begin, test, install, list and verify plugins",
		Long:    "A plugin is an executable sslctl-KIND-NAME that brings a method or a regulariser of your own.",
		Example: "  sslctl plugin init mine\n  sslctl plugin test ./sslctl-method-mine\n  sslctl plugin install ./sslctl-method-mine\n  sslctl plugin list",
	}, a.pluginInitCommand(), a.pluginTestCommand(), a.pluginInstallCommand(), a.pluginListCommand(), a.pluginVerifyCommand(), a.pluginRemoveCommand())
}
