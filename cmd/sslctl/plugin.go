package main

import "github.com/spf13/cobra"

func (a *app) pluginCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "plugin",
		Short:   "Prove plugins right",
		Long:    "A plugin is an executable sslctl-KIND-NAME that brings a method or a regulariser of your own.",
		Example: "  sslctl plugin test ./sslctl-method-mine",
	}, a.pluginTestCommand())
}
