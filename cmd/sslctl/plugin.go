package main

import "github.com/spf13/cobra"

func (a *app) pluginCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "plugin",
		Short:   "Install, list, verify and test plugins",
		Long:    "A plugin is an executable sslctl-KIND-NAME that brings a method or a regulariser of your own.",
		Example: "  sslctl plugin test ./sslctl-method-mine\n  sslctl plugin install ./sslctl-method-mine\n  sslctl plugin list",
	}, a.pluginTestCommand(), a.pluginInstallCommand(), a.pluginListCommand(), a.pluginVerifyCommand(), a.pluginRemoveCommand())
}
