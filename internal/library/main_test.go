package library_test

import (
	"flag"
	"os"
	"testing"
)

// histories is how many histories a property is tested with in one run, which are
// others each time. Each is the life of a whole store; with the hundred of rapid
// they would be most of the time of all tests. -rapid.checks has the last word.
const histories = "30"

func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := flag.Set(checks.Name, histories); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
