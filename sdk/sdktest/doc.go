// Package sdktest proves a method or regulariser right, without a host and without training. Authors need one line:
//
//	func TestMethod(t *testing.T) { sdktest.Run(t, mymethod.Method{}) }
//
// and [RunRegulariser] for a regulariser. Each check is a subtest; what may be intended, such as a loss that grows with
// the batch, is logged as a warning and fails nothing. `sslctl plugin test` makes the same checks, by [Check], of a plugin
// in a process of its own.
//
// The checks evaluate the objective by the reference implementation of each op, on few and narrow embeddings, so they take
// well under a second. They say nothing of how well a method learns.
package sdktest
