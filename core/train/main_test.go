package train

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/core/fault"
)

// childEnv makes the test binary a training process instead; its value is what the process does.
const childEnv = "SSLCTL_TRAIN_TEST_CHILD"

func TestMain(m *testing.M) {
	if what := os.Getenv(childEnv); what != "" {
		os.Exit(child(what))
	}
	goleak.VerifyTestMain(m)
}

// child does what it is told and gives the exit code of the program, with the error on standard error.
func child(what string) int {
	err := fmt.Errorf("unknown child %q", what)
	switch what {
	case "train":
		err = trainChild()
	case "full", "full and stopped":
		err = fullChild(what != "full")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\nhint: %s\n", err, fault.HintOf(err))
	}
	return int(fault.CodeOf(err))
}
