package run

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// LogOptions says where a log goes.
type LogOptions struct {
	Stderr io.Writer            // for people, or for machines when JSON is set; nil for none
	Level  zapcore.LevelEnabler // of Stderr: a zap.AtomicLevel follows --log-level
	JSON   bool                 // one JSON object a line on Stderr too
	Colour bool                 // colour the levels on Stderr
	File   io.Writer            // run.log.jsonl: everything from debug up, JSON; nil for none
}

// NewLogger makes the program's logger: a short line for people on Stderr and every detail in the run's file.
// Pass it on explicitly; stdout stays free for results. A run that begins after the logger joins by [LogInto].
func NewLogger(o LogOptions) *zap.Logger {
	var cores []zapcore.Core
	if o.Stderr != nil {
		encoder := consoleEncoder(o.Colour)
		if o.JSON {
			encoder = jsonEncoder()
		}
		level := o.Level
		if level == nil {
			level = zapcore.InfoLevel
		}
		cores = append(cores, zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(o.Stderr)), level))
	}
	if o.File != nil {
		cores = append(cores, fileCore(o.File))
	}
	return zap.New(zapcore.NewTee(cores...))
}

// LogInto is l that writes to the file of a run as well: run.LogInto(log, r.Log()).
func LogInto(l *zap.Logger, file io.Writer) *zap.Logger {
	return l.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		return zapcore.NewTee(c, fileCore(file))
	}))
}

func fileCore(w io.Writer) zapcore.Core {
	return zapcore.NewCore(jsonEncoder(), zapcore.Lock(zapcore.AddSync(w)), zapcore.DebugLevel)
}

func jsonEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", NameKey: "logger", MessageKey: "msg", StacktraceKey: "stack",
		EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.SecondsDurationEncoder, EncodeName: zapcore.FullNameEncoder,
	})
}

// consoleEncoder writes "15:04:05 info  train  message {fields}".
func consoleEncoder(colour bool) zapcore.Encoder {
	level := zapcore.LowercaseLevelEncoder
	if colour {
		level = zapcore.LowercaseColorLevelEncoder
	}
	return zapcore.NewConsoleEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", NameKey: "logger", MessageKey: "msg",
		EncodeTime: zapcore.TimeEncoderOfLayout("15:04:05"), EncodeLevel: level,
		EncodeDuration: zapcore.StringDurationEncoder, EncodeName: zapcore.FullNameEncoder, ConsoleSeparator: "  ",
	})
}
