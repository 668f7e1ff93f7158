// Package scaffold writes a new plugin's project: an objective or network that works, its test, README, Makefile and CI file.
//
// Most callers need [Write], and [Tidy] after it for a project in Go:
//
//	files, err := scaffold.Write(scaffold.Project{Name: "mine", Kind: wire.Method, Language: scaffold.Go, Dir: "mine", SDK: checkout})
//
// The project builds, passes its test and trains as it is. A folder that holds anything is left alone.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
)

// Language is what a plugin is written in.
type Language string

// The languages that there are templates for.
const (
	Go     Language = "go"
	Python Language = "python"
)

// Project says what to write.
type Project struct {
	Name     string // of the plugin, as on the command line
	Kind     wire.Kind
	Language Language
	Dir      string // the folder to make
	SDK      string // a checkout of sslctl to build against; "": the published version
	Version  string // published version of the module, such as v1.2.0; needed in Go where SDK is ""
}

//go:embed templates
var templates embed.FS

// Use is how the plugin is tried: a command line but for the data set.
func (p Project) Use() string {
	switch p.Kind {
	case wire.Regulariser:
		return "sslctl run --method simsiam --add-reg " + p.Name
	case wire.Backbone:
		return "sslctl run --method vicreg --backbone " + p.Name
	}
	return "sslctl run --method " + p.Name
}

// Executable is the name under which sslctl finds the plugin.
func (p Project) Executable() string { return "sslctl-" + string(p.Kind) + "-" + p.Name }

// Identifier is the name as a Python module.
func (p Project) Identifier() string { return strings.ReplaceAll(p.Name, "-", "_") }

// Write writes the project's files and lists them, relative to its folder. Errors: fault.Usage for a project that cannot be
// written as given, fault.Data where the disk refuses. Then nothing is left.
func Write(p Project) (files []string, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	parent := filepath.Dir(filepath.Clean(p.Dir))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fault.New(fault.Data, "choose another folder with --dir", "make the project: %w", err)
	}
	temporary, err := os.MkdirTemp(parent, ".sslctl-init-")
	if err != nil {
		return nil, fault.New(fault.Data, "choose another folder with --dir", "make the project: %w", err)
	}
	defer os.RemoveAll(temporary)
	if files, err = p.render(temporary); err == nil {
		err = errors.Join(os.Chmod(temporary, 0o755), settle(temporary, p.Dir))
	}
	if err != nil {
		return nil, fault.New(fault.Data, "choose another folder with --dir", "write the project: %w", err)
	}
	return files, nil
}

// settle moves a folder to where nothing, or an empty folder, is.
func settle(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}

func (p *Project) check() error {
	if err := fromproto.Name(p.Name); err != nil {
		return fault.New(fault.Usage, "choose a name such as my-method", "%w", err)
	}
	if !p.Kind.Known() {
		return fault.New(fault.Usage, "choose method, regulariser or backbone", "there is no template for the kind %q", p.Kind)
	}
	if p.Language != Go && p.Language != Python {
		return fault.New(fault.Usage, "choose go or python", "there is no template for the language %q", p.Language)
	}
	if entries, err := os.ReadDir(p.Dir); err == nil && len(entries) > 0 {
		return fault.New(fault.Usage, "choose another folder with --dir", "%s is not empty", p.Dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Usage, "choose another folder with --dir", "make the project: %w", err)
	}
	return p.checkSDK()
}

// checkSDK makes the checkout's path absolute, which goes into the project's files.
func (p *Project) checkSDK() error {
	if p.SDK == "" {
		if p.Language == Go && !strings.HasPrefix(p.Version, "v") {
			return fault.New(fault.Usage, "name a checkout of it: --sdk DIR", "this sslctl has no published version to build against")
		}
		return nil
	}
	var err error
	if p.SDK, err = filepath.Abs(p.SDK); err != nil {
		return fmt.Errorf("make the project: %w", err)
	}
	needed := "go.mod"
	if p.Language == Python {
		needed = filepath.Join("sdk", "python", "pyproject.toml")
	}
	if _, err := os.Stat(filepath.Join(p.SDK, needed)); err != nil {
		return fault.New(fault.Usage, "--sdk is the folder of a checkout of sslctl", "make the project: %w", err)
	}
	return nil
}

// render writes the files of the language, and of the kind in it.
func (p Project) render(to string) (files []string, err error) {
	for _, set := range []string{string(p.Language), string(p.Language) + "-" + string(p.Kind)} {
		root := "templates/" + set
		err := fs.WalkDir(templates, root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name := p.place(strings.TrimPrefix(path, root+"/"))
			files = append(files, name)
			return p.renderFile(path, filepath.Join(to, name))
		})
		if err != nil {
			return nil, err
		}
	}
	if p.Language == Go && p.SDK != "" {
		if err := copySums(p.SDK, to); err != nil {
			return nil, err
		}
		files = append(files, "go.sum")
	}
	slices.Sort(files)
	return files, nil
}

// place is where a template's file goes. Names that tools would take for their own in this repository are others here.
func (p Project) place(name string) string {
	name = strings.TrimSuffix(name, ".tmpl")
	switch name {
	case "gitignore":
		return ".gitignore"
	case "ci.yml":
		return filepath.Join(".github", "workflows", "ci.yml")
	}
	return strings.ReplaceAll(name, "NAME", p.Identifier())
}

func (p Project) renderFile(from, to string) error {
	t, err := template.ParseFS(templates, from)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := t.Option("missingkey=error").Execute(&text, p); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text.Bytes(), 0o644)
}

// copySums spares the project the network: the sums of the checkout's modules cover all that the SDK needs.
func copySums(sdk, to string) error {
	sums, err := os.ReadFile(filepath.Join(sdk, "go.sum"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "go.sum"), sums, 0o644)
}
