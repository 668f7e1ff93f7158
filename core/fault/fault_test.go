package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestCodeAndHint(t *testing.T) {
	inner := New(Data, "fetch it again", "read %s: %w", "x.idx", fs.ErrNotExist)
	for name, c := range map[string]struct {
		err  error
		code Code
		hint string
	}{
		"nil":       {nil, OK, ""},
		"plain":     {errors.New("boom"), Internal, ""},
		"fault":     {inner, Data, "fetch it again"},
		"wrapped":   {fmt.Errorf("train: %w", inner), Data, "fetch it again"},
		"joined":    {errors.Join(errors.New("other"), inner), Data, "fetch it again"},
		"no hint":   {New(Device, "", "out of memory"), Device, ""},
		"outermost": {New(Usage, "choose another", "open data: %w", inner), Usage, "choose another"},
	} {
		if got := CodeOf(c.err); got != c.code {
			t.Errorf("%s: code %d, want %d", name, got, c.code)
		}
		if got := HintOf(c.err); got != c.hint {
			t.Errorf("%s: hint %q, want %q", name, got, c.hint)
		}
	}
	if !errors.Is(inner, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	if got, want := inner.Error(), "read x.idx: file does not exist"; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

// TestDocumentation holds docs/exit-codes.md to the constants.
func TestDocumentation(t *testing.T) {
	doc, err := os.ReadFile("../../docs/exit-codes.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d+) \\| `(\\w+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		documented[m[2]] = m[1]
	}
	codes := map[string]Code{"OK": OK, "Internal": Internal, "Usage": Usage, "Plugin": Plugin, "Data": Data, "Diverged": Diverged,
		"Threshold": Threshold, "Device": Device, "Requeue": Requeue, "Interrupted": Interrupted}
	for name, code := range codes {
		if documented[name] != strconv.Itoa(int(code)) {
			t.Errorf("%s is %d, documented as %q", name, code, documented[name])
		}
	}
	if len(documented) != len(codes) {
		t.Errorf("%d codes are documented, there are %d", len(documented), len(codes))
	}
}
