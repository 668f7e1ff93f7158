package client

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// maxLine bounds a line of a plugin's log; the rest of a longer one is dropped.
const maxLine = 64 << 10

// readLog passes a plugin's standard error on: JSON with hclog's keys keeps its level and fields, anything else is debug
// output. Plain lines and errors are kept as the plugin's last words.
func readLog(r io.Reader, logger *zap.Logger, words *tail) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := readLine(lines)
		if len(line) > 0 {
			logLine(line, logger, words)
		}
		if err != nil {
			return
		}
	}
}

func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	kept := string(bytes.TrimRight(line, "\r\n"))
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	return strings.ToValidUTF8(kept, "\uFFFD"), err
}

func logLine(line string, logger *zap.Logger, words *tail) {
	message, level, fields, ok := parseEntry(line)
	if !ok {
		words.add(line)
		logger.Debug(line)
		return
	}
	if level >= zapcore.ErrorLevel {
		words.add(message)
	}
	if entry := logger.Check(level, message); entry != nil {
		entry.Write(fields...)
	}
}

// parseEntry reads a log entry in hclog's JSON.
func parseEntry(line string) (message string, level zapcore.Level, fields []zap.Field, ok bool) {
	var entry map[string]any
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &entry) != nil {
		return "", 0, nil, false
	}
	message, ok = entry["@message"].(string)
	if !ok {
		return "", 0, nil, false
	}
	name, _ := entry["@level"].(string)
	for _, key := range slices.Sorted(maps.Keys(entry)) {
		if !strings.HasPrefix(key, "@") {
			fields = append(fields, zap.Any(key, entry[key]))
		}
	}
	if module, _ := entry["@module"].(string); module != "" {
		fields = append(fields, zap.String("module", module))
	}
	return message, levelOf(name), fields, true
}

// levelOf reads a level of hclog or zap. The levels of zap that end a process count as errors: the host goes on.
func levelOf(name string) zapcore.Level {
	switch strings.ToLower(name) {
	case "info":
		return zapcore.InfoLevel
	case "warn", "warning":
		return zapcore.WarnLevel
	case "error", "dpanic", "panic", "fatal":
		return zapcore.ErrorLevel
	}
	return zapcore.DebugLevel
}

// printer logs what a plugin prints after the handshake.
type printer struct {
	logger *zap.Logger
	stream string
	mu     sync.Mutex
	closed bool
}

func (p *printer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		for line := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n") {
			p.logger.Debug(strings.ToValidUTF8(line, "\uFFFD"), zap.String("stream", p.stream))
		}
	}
	return len(b), nil
}

// close ends the printing: go-plugin's reader may outlive the plugin for a moment, the log may not.
func (p *printer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// bridge is a logger for go-plugin, whose own words are debug output whatever level it gives them: what fails comes
// back as an error too.
func bridge(logger *zap.Logger) hclog.Logger {
	level := hclog.Off
	if logger.Core().Enabled(zapcore.DebugLevel) {
		level = hclog.Debug
	}
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "go-plugin", Level: level, Output: io.Discard})
	l.RegisterSink(sink{logger})
	return l
}

type sink struct{ logger *zap.Logger }

var _ hclog.SinkAdapter = sink{}

// Accept passes an entry on.
func (s sink) Accept(name string, level hclog.Level, message string, pairs ...any) {
	if level >= hclog.Debug {
		s.logger.Named(name).Sugar().Debugw(message, pairs...)
	}
}
