package cli

import (
	"context"
	"os"
	"testing"
)

// programVariable makes this test program the program itself.
const programVariable = "SHEAF_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		os.Exit(Main(context.Background(), append([]string{"sheaf"}, os.Args[1:]...), Streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	os.Exit(m.Run())
}
