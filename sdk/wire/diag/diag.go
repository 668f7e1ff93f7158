// Package diag is how mistakes of a user or of a method's author travel: in words, with the hyper-parameter or the line
// that they are about, instead of as a broken call. Most callers need [Of], which makes a [Diagnostic] of any error.
package diag

import (
	"errors"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// Severity of a diagnostic.
type Severity int

// The severities. Only an error stops a run.
const (
	Error Severity = iota + 1
	Warning
)

// Diagnostic is a mistake in words.
type Diagnostic struct {
	Severity Severity
	Summary  string // one line
	Detail   string // more lines, such as a stack; may be empty
	Param    string // hyper-parameter that it is about; may be empty
	Source   string // file:line of the author's code; may be empty
}

// Of makes a diagnostic of an error: its first line is the summary, the rest the detail. The hyper-parameter of a
// [method.ParamError] and the line of an [expr.Error] are kept.
func Of(err error) Diagnostic {
	summary, detail, _ := strings.Cut(err.Error(), "\n")
	d := Diagnostic{Severity: Error, Summary: summary, Detail: detail}
	var param *method.ParamError
	if errors.As(err, &param) {
		d.Param = param.Param
	}
	var line *expr.Error
	if errors.As(err, &line) {
		d.Source = line.Line
	}
	return d
}

// Errors keeps the diagnostics that stop a run.
func Errors(all []Diagnostic) []Diagnostic {
	var out []Diagnostic
	for _, d := range all {
		if d.Severity != Warning {
			out = append(out, d)
		}
	}
	return out
}
