package ycc

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The generator's register allocator knows 32 vector registers; AVX2 has 16. An instruction with one above would run here and stop
// with an illegal instruction on a machine without AVX-512.
func TestAVX2KernelsUseAVX2Registers(t *testing.T) {
	f, err := os.Open("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	foreign := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`)
	function, lines := "", 0
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if name, ok := strings.CutPrefix(line, "TEXT ·"); ok {
			function, _, _ = strings.Cut(name, "(")
		}
		if !strings.HasSuffix(function, "AVX2") {
			continue
		}
		lines++
		if foreign.MatchString(line) {
			t.Errorf("%s uses a register of AVX-512: %s", function, strings.TrimSpace(line))
		}
	}
	if lines < 100 {
		t.Errorf("%d lines of AVX2 code were found", lines)
	}
}
