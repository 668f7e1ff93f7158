//go:build unix

package host_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
)

// TestMisbehavingPlugins starts real processes that do what plugins must not. Each is the plugin's fault, says what it
// did, takes no longer than its deadline and leaves nothing.
func TestMisbehavingPlugins(t *testing.T) {
	for _, tc := range []struct {
		name string
		want []string // in the error
	}{
		{"crash-start", []string{"ended before it was ready (exit status 3)", "no licence found"}},
		{"hang-start", []string{"was not ready within 1s"}},
		{"noise", []string{`printed "Welcome to my method!"`, "is it a plugin?"}},
		{"wrong-cookie", []string{"ended before it was ready", "This binary is a plugin"}},
		{"wrong-protocol", []string{"ncompatible", "version"}},
		{"other-name", []string{`calls itself method "somebody-else"`}},
		{"panic-describe", []string{"panicked: cannot describe", "foreign_test.go"}},
		{"panic-trace", []string{"panicked: cannot trace", "foreign_test.go"}},
		{"die-trace", []string{"crashed (exit status 2)", "about to die", "died in the background"}},
		{"hang-trace", []string{"did not answer", "deadline exceeded"}},
		{"huge", []string{"too large"}},
		{"many-steps", []string{"MiB of memory"}},
		{"not-protobuf", []string{"decode"}},
		{"empty", []string{"recipe"}},
		{"wrong-shape", []string{"step 0: sub gives (16, 4), the program claims (17, 4)"}},
		{"wrong-input", []string{`takes "z0" as (17, 4), it is (16, 4)`}},
		{"secret-input", []string{`reads "labels", which is not available`}},
		{"unknown-op", []string{`step 0: unknown op "exec"`}},
		{"cycle", []string{"step 0: reads value 2, which is not computed before it"}},
		{"future-format", []string{"program of format 9; this sslctl reads format 1"}},
		{"future-ops", []string{`needs op set "sslctl.core" version 2`}},
		{"no-loss", []string{`no output "loss"`}},
		{"no-term", []string{`no output "term.another"`}},
		{"wide-head", []string{"projector: layer 0 has the width 1099511627776"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o host.Options
			switch tc.name { // that would take a minute, where a deadline may come soon
			case "hang-start":
				o.StartTimeout = time.Second
			case "hang-trace":
				o.TraceTimeout = time.Second
			}
			s := newStageWith(t, o, tc.name)
			noFileStays(t)
			for range *chaos {
				misbehave(t, s, tc.name, tc.want)
			}
		})
	}
}

// misbehave lets a plugin be traced; the error holds what is wanted.
func misbehave(t *testing.T, s stage, name string, want []string) {
	t.Helper()
	began := time.Now()
	_, _, err := s.trace(t, name)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	if fault.CodeOf(err) != fault.Plugin {
		t.Fatalf("%v has code %d", err, fault.CodeOf(err))
	}
	for _, want := range want {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

// TestInflatedMessageTakesLittleMemory measures what the host allocates for 32 MiB that would decode to gigabytes.
func TestInflatedMessageTakesLittleMemory(t *testing.T) {
	s := newStage(t, "many-steps")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := s.trace(t, "many-steps"); err == nil {
		t.Fatal("accepted")
	}
	runtime.ReadMemStats(&after)
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 300 {
		t.Errorf("allocated %d MiB", mib)
	}
}
