// Package client is the host's half of a plugin connection: it starts a plugin process, asks it and makes sure that
// nothing of it is left. [Start] and [Client.Close] frame every use:
//
//	c, err := client.Start(ctx, client.Config{Path: path, Logger: logger})
//	if err != nil { ... }
//	defer c.Close()
//	kind, description, err := c.Describe(ctx)
//
// A plugin may crash, hang, flood or lie; none of that reaches the host but as an error that says what the plugin did,
// with its last words. After Close the process, its children and its sockets are gone. The plugin in turn ends with
// its host, whatever kills that.
package client
