// Package fromproto reads protobuf messages as the SDK's types; it is toproto's mirror, function by function. A message
// comes from a stranger: whatever is missing, unknown, out of range or too large is an error that names it.
package fromproto
