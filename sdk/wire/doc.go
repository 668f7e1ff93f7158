// Package wire holds what passes between sslctl and a plugin, and what a run folder keeps of it: the protobuf messages
// of sslctl/method/v1, their conversion both ways (toproto, fromproto), and encodings of programs that are checked
// before they are believed.
//
// Most callers need [MarshalTraced] and [UnmarshalTraced], which write and read the program.pb of a run folder, and
// [Digest], which names a program whatever encoded it. Decoding never trusts: bytes are measured before they are
// decoded, unknown fields and ops are refused, and a program that comes back has passed [expr.Program.Validate].
package wire

//go:generate buf generate
