package fromproto

import (
	"github.com/sslctl/sslctl/sdk/wire/diag"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// MaxDiagnostics bounds what a plugin may complain about; the rest is dropped.
const MaxDiagnostics = 100

// Diagnostics reads mistakes. One of unknown severity counts as an error.
func Diagnostics(all []*methodv1.Diagnostic) []diag.Diagnostic {
	var out []diag.Diagnostic
	for _, d := range all[:min(len(all), MaxDiagnostics)] {
		out = append(out, diag.Diagnostic{
			Severity: severity(d.GetSeverity()),
			Summary:  d.GetSummary(), Detail: d.GetDetail(), Param: d.GetParam(), Source: d.GetSource(),
		})
	}
	return out
}

func severity(s methodv1.Severity) diag.Severity {
	if s == methodv1.Severity_SEVERITY_WARNING {
		return diag.Warning
	}
	return diag.Error
}
