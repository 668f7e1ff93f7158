package fake

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sourcegraph/conc/pool"
)

// library says how a fake is built: its sources, and the fakes that it is linked to.
type library struct {
	file    string
	sources []string
	uses    []string
}

// libraries are the fakes, those first that others use.
func libraries() []library {
	driver := []string{"libcuda.so.1"}
	return []library{
		{"libcuda.so.1", []string{"driver.cpp", "memory.cpp", "stream.cpp", "fiber.cpp", "access.cpp", "launch.cpp"}, nil},
		{"libnvrtc.so.13", []string{"nvrtc.cpp"}, driver},
		{"libnvidia-ml.so.1", []string{"nvml.cpp"}, driver},
		{"libcublasLt.so.13", []string{"cublaslt.cpp"}, driver},
		{"libcudnn.so.9", []string{"cudnn.cpp"}, driver},
	}
}

// compile builds all fakes in a folder, each source at the same time as the others, and then links.
func compile(work string) error {
	src, err := fs.Sub(sources, "src")
	if err != nil {
		return err
	}
	if err := os.CopyFS(work, src); err != nil {
		return err
	}
	p := pool.New().WithErrors()
	for _, l := range libraries() {
		for _, s := range l.sources {
			p.Go(func() error {
				return gpp(work, "-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-c", s, "-o", s+".o")
			})
		}
	}
	if err := p.Wait(); err != nil {
		return err
	}
	for _, l := range libraries() {
		if err := link(work, l); err != nil {
			return err
		}
	}
	return nil
}

// link makes a library of its objects.
func link(work string, l library, more ...string) error {
	if err := os.Symlink(l.file, filepath.Join(work, ownName(l))); err != nil {
		return err
	}
	args := append([]string{"-shared", "-Wl,-soname," + ownName(l), "-Wl,-rpath,$ORIGIN", "-Wl,-z,defs", "-o", l.file}, more...)
	for _, s := range l.sources {
		args = append(args, s+".o")
	}
	for _, u := range l.uses {
		args = append(args, "-L.", "-l:"+u)
	}
	return gpp(work, append(args, "-ldl", "-lpthread")...)
}

// ownName is the name by which a fake is asked for by others. It is not the real one's: NVIDIA's libraries in the same process
// look for one another by name, and must not find a fake.
func ownName(l library) string { return "fake-" + l.file }

func gpp(folder string, args ...string) error {
	cmd := exec.Command("g++", args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("g++ %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
