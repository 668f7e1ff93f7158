// Package fault gives errors what a user needs: an exit code and a hint that says what to do.
// An error without a fault is an internal one. The table of codes stands in docs/exit-codes.md.
package fault

import (
	"errors"
	"fmt"
)

// Code is the exit code of the program.
type Code int

// The exit codes of sslctl. 75 is sysexits' EX_TEMPFAIL, by which batch systems requeue.
const (
	OK          Code = 0
	Internal    Code = 1
	Usage       Code = 2 // flags or configuration
	Plugin      Code = 3 // start, handshake, description, trace
	Data        Code = 4 // missing, truncated or corrupt
	Diverged    Code = 5 // NaN or collapse
	Threshold   Code = 6 // a demanded figure was not reached
	Device      Code = 7 // missing, lost or out of memory
	Requeue     Code = 75
	Interrupted Code = 130
)

// Error is an error with an exit code and, where there is one, a hint.
type Error struct {
	Code Code
	Hint string
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// New makes an error with a code, a hint (may be empty) and a message in fmt's form.
func New(code Code, hint, format string, args ...any) error {
	return &Error{Code: code, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// CodeOf is the exit code of err: OK for nil, Internal where no fault is in its chain.
func CodeOf(err error) Code {
	var f *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &f):
		return f.Code
	}
	return Internal
}

// HintOf is the hint of err, or "".
func HintOf(err error) string {
	var f *Error
	if errors.As(err, &f) {
		return f.Hint
	}
	return ""
}
