// Package toproto writes the SDK's types as protobuf messages; fromproto is its mirror, function by function. It writes
// every field, in a fixed order, and fails only for a value that the format cannot hold.
package toproto
