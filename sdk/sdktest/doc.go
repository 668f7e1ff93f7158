// Package sdktest proves a method, regulariser or backbone right, without a host and without training. Authors need one line:
//
//	func TestMethod(t *testing.T) { sdktest.Run(t, mymethod.Method{}) }
//
// [RunRegulariser] for a regulariser and [RunBackbone] for a backbone. Each check is a subtest; what may be intended, such as
// a loss that grows with the batch, is logged as a warning and fails nothing. `sslctl plugin test` makes the same checks, by
// [Check] and [CheckBackbone], of a plugin in a process of its own.
//
// The checks evaluate objective or network by the reference implementation of each op, on few and small inputs, so they take
// well under a second, those of a large network some seconds. They say nothing of how well it learns.
package sdktest
