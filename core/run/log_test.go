package run

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap"
)

func TestLoggerWritesForPeopleAndForTheFile(t *testing.T) {
	var stderr, file bytes.Buffer
	level := zap.NewAtomicLevelAt(zap.InfoLevel)
	log := LogInto(NewLogger(LogOptions{Stderr: &stderr, Level: level}), &file).Named("train")
	log.Debug("step", zap.Int("step", 1))
	log.Info("epoch done", zap.Int("epoch", 2))
	level.SetLevel(zap.DebugLevel)
	log.Debug("seen")

	human := regexp.MustCompile(`^\d\d:\d\d:\d\d  info  train  epoch done  \{"epoch": 2\}\n\d\d:\d\d:\d\d  debug  train  seen\n$`)
	if !human.MatchString(stderr.String()) {
		t.Errorf("on stderr:\n%s", &stderr)
	}
	var messages []string
	for line := range strings.Lines(file.String()) {
		var e struct {
			Time, Level, Logger, Msg string
			Step                     int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time == "" || e.Logger != "train" {
			t.Errorf("%s: %+v, %v", line, e, err)
		}
		messages = append(messages, e.Level+" "+e.Msg)
	}
	if got, want := strings.Join(messages, ", "), "debug step, info epoch done, debug seen"; got != want {
		t.Errorf("in the file: %s, want %s", got, want)
	}
}

func TestLoggerJSON(t *testing.T) {
	var stderr, file bytes.Buffer
	NewLogger(LogOptions{Stderr: &stderr, JSON: true, File: &file}).Info("hello")
	for name, b := range map[string]*bytes.Buffer{"stderr": &stderr, "file": &file} {
		var e map[string]any
		if err := json.Unmarshal(b.Bytes(), &e); err != nil || e["msg"] != "hello" {
			t.Errorf("%s: %s, %v", name, b, err)
		}
	}
	NewLogger(LogOptions{}).Info("nowhere") // a logger without outputs is fine
}
