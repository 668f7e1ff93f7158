package toproto

import (
	"strings"

	"github.com/sslctl/sslctl/sdk/wire/diag"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Diagnostics writes mistakes. Bytes that are not text are replaced, so that a message can always be sent.
func Diagnostics(all ...diag.Diagnostic) []*methodv1.Diagnostic {
	var out []*methodv1.Diagnostic
	for _, d := range all {
		out = append(out, &methodv1.Diagnostic{
			Severity: severity(d.Severity),
			Summary:  text(d.Summary), Detail: text(d.Detail), Param: text(d.Param), Source: text(d.Source),
		})
	}
	return out
}

func severity(s diag.Severity) methodv1.Severity {
	if s == diag.Warning {
		return methodv1.Severity_SEVERITY_WARNING
	}
	return methodv1.Severity_SEVERITY_ERROR
}

func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
