package plugin

import (
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/sslctl/sslctl/sdk/plugin/internal/handshake"
)

// stdio holds the process's streams as they were before anything could replace them. In a plugin process standard output
// belongs to the handshake, so prints go to standard error. go-plugin's Serve swaps os.Stdout and os.Stderr for pipes,
// which lose what is printed shortly before the end, and on which a logger built afterwards would write to nowhere.
var stdio = captureStdio()

type streams struct{ out, err *os.File }

func captureStdio() streams {
	s := streams{os.Stdout, os.Stderr}
	if handshake.Started(os.Getenv) {
		os.Stdout = os.Stderr
	}
	return s
}

// releaseStdout gives standard output to the handshake, which go-plugin prints and then protects.
func releaseStdout() { os.Stdout = stdio.out }

// keepStreams undoes go-plugin's swap; it is called once, by the first question, which comes after it.
func keepStreams() { os.Stdout, os.Stderr = stdio.err, stdio.err }

// Logger is a logger whose levels and fields arrive in the host's log, at the level that the host logs. It may be built
// at any time, before or after Serve.
func Logger(name string) *zap.Logger {
	level := zapcore.InfoLevel
	if l, err := zapcore.ParseLevel(os.Getenv(handshake.LogLevelKey)); err == nil {
		level = l
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{ // hclog's keys
		MessageKey: "@message", LevelKey: "@level", TimeKey: "@timestamp", NameKey: "@module",
		EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeTime:  zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000000Z07:00"),
		EncodeName:  zapcore.FullNameEncoder, EncodeDuration: zapcore.StringDurationEncoder,
	})
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(stdio.err), level)).Named(name)
}
