package run

import (
	"encoding/hex"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"crypto/sha256"
)

// Provenance is provenance.json: what one must know to believe a run's figures, and to get them again.
type Provenance struct {
	SchemaVersion int       `json:"schema_version"`
	Command       []string  `json:"command"`
	Started       time.Time `json:"started"`
	Software      Software  `json:"software"`
	Machine       Machine   `json:"machine"`
	Method        Plugin    `json:"method"`
	Regularisers  []Plugin  `json:"regularisers,omitempty"`
	Backbone      *Plugin   `json:"backbone,omitempty"` // where it came from a plugin
	ProgramHash   string    `json:"program_sha256"`
	Dataset       Dataset   `json:"dataset"`
	Seed          uint64    `json:"seed"`
	ConfigHash    string    `json:"config_hash"`
	Resumed       []Session `json:"resumed,omitempty"` // later sessions, in order
}

// Software is the program that ran.
type Software struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // git commit of the build
	Modified bool   `json:"modified,omitempty"` // built from a changed checkout
	Go       string `json:"go"`
}

// Machine is where it ran.
type Machine struct {
	Host    string   `json:"host"`
	OS      string   `json:"os"`
	Arch    string   `json:"arch"`
	CPU     string   `json:"cpu"`
	ISA     []string `json:"isa"` // vector extensions that the processor has
	Cores   int      `json:"cores"`
	Threads int      `json:"threads"` // used
	Device  string   `json:"device"`  // as on the command line: "cpu"
	// Products says how the CPU multiplies images that are stored in bfloat16, and why; "" where none are.
	Products string `json:"products,omitempty"`
	GPU      string `json:"gpu,omitempty"` // its name, compute capability and driver, where the device is one
}

// Plugin is a method, regulariser or backbone and the executable that described it.
type Plugin struct {
	Name     string `json:"name"`
	Title    string `json:"title,omitempty"` // of the description: "VICReg: variance, invariance, covariance"
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	SHA256   string `json:"sha256"` // of the executable
	Path     string `json:"path,omitempty"`
	// CustomOps are the ops that the plugin computes at every step: to resume, the run needs this very plugin.
	CustomOps []string `json:"custom_ops,omitempty"`
}

// Dataset is what it was trained on.
type Dataset struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// Session is a later process that continued the run.
type Session struct {
	Step     int       `json:"step"` // from which it went on
	Started  time.Time `json:"started"`
	Command  []string  `json:"command"`
	Software Software  `json:"software"`
	Machine  Machine   `json:"machine"`
}

// Observe fills in what the process itself knows: command line, software, machine and start. The caller adds
// Threads, Device, method, dataset, seed and hashes. version is the program's.
func Observe(version string, now time.Time) Provenance {
	host, _ := os.Hostname() // an empty name is a fair record of an unknown one
	return Provenance{
		SchemaVersion: 1,
		Command:       os.Args,
		Started:       now,
		Software:      software(version),
		Machine: Machine{
			Host: host, OS: osName(), Arch: runtime.GOARCH, CPU: cpuName(), ISA: isa(),
			Cores: runtime.NumCPU(), Threads: runtime.GOMAXPROCS(0),
		},
	}
}

func software(version string) Software {
	s := Software{Version: version, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				s.Revision = setting.Value
			case "vcs.modified":
				s.Modified = setting.Value == "true"
			}
		}
	}
	return s
}

// RecordResume adds the process that p describes to provenance.json as a session that goes on from step.
func (r *Run) RecordResume(step int, p Provenance) error {
	old, err := r.Provenance()
	if err != nil {
		return err
	}
	old.Resumed = append(old.Resumed, Session{Step: step, Started: p.Started, Command: p.Command, Software: p.Software, Machine: p.Machine})
	b, err := encodeJSON(old)
	if err != nil {
		return err
	}
	return r.WriteFile(provenanceFile, b)
}

// Hash is the SHA-256 of b in hexadecimal, as provenance holds it.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
