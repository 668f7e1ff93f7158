// Package expr is the language in which networks and objectives are written: tensor expressions that are nodes of a
// Gorgonia graph. Every op has a shape rule, a symbolic gradient and a plain reference implementation ([Op.Do]), so a
// graph runs unchanged on Gorgonia's TapeMachine, the oracle for every fast device.
//
// Most callers need a [Builder] for inputs and the fluent methods of [Tensor]:
//
//	b := expr.New()
//	z, w := b.Input("z", 256, 512), b.Input("w", 256, 512)
//	invariance := z.Sub(w).Square().Mean()
//
// Shapes are static. Images are [n, height, width, channels]; convolution weights [rows, columns, in, out]; linear
// weights [out, in]. All numbers are float32. An error of shape sticks to the builder and is returned once, by
// [Builder.Err], with the line that made it; what follows an error is ignored. A [Program] is an expression as data: it
// is what a plugin sends to the host.
package expr
