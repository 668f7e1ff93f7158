// Package host finds plugins, starts them, asks them and makes sure that nothing of them is left. The rest of sslctl sees
// descriptions and programs, never a process.
//
// Most callers need one [Host] for the whole command and three calls:
//
//	h := host.New(host.Options{Logger: logger, Self: executable, Shipped: plugins.Shipped()})
//	defer h.Close()
//	ref, err := h.Find(wire.Method, "vicreg")
//	d, err := h.Describe(ctx, ref)
//	traced, provenance, err := h.Trace(ctx, ref, params, shapes)
//
// Each question starts the plugin, asks and ends it before it returns, so that no process outlives a call; only a
// [Connection], for the custom ops of a program, lasts until it is closed. What a plugin
// answers is checked before it is believed: a traced program has been replayed against the shapes that it was asked for.
// Errors are faults: code 2 where the user named or set something wrong, code 3 where the plugin is at fault.
package host
