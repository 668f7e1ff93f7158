// Package plugin turns a method, regulariser or backbone into a plugin that sslctl can start. It is the whole main of one:
//
//	func main() { plugin.Serve(mymethod.Method{}) }
//
// Build it as sslctl-method-NAME (sslctl-regulariser-NAME with [ServeRegulariser], sslctl-backbone-NAME with
// [ServeBackbone]) and put it into a folder that sslctl searches: --plugin-dir, $SSLCTL_PLUGIN_PATH, ./.sslctl/plugins or
// $XDG_DATA_HOME/sslctl/plugins.
//
// The process lives for two questions (what are you, what is your objective) and never sees training; only where the
// objective has custom ops is it started once more, to compute them at every step. It ends with its host, even when that
// is killed. What it prints goes to the host's log and cannot disturb the protocol; [Logger] logs
// with levels. A panic becomes an error that the user sees with its stack.
package plugin
