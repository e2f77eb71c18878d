// Package e2e drives the real program as people and machines do: it is built
// once, its commands run as processes, its servers are started, stopped and
// killed.
package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// programs is the directory of the program under test, under all its names. It
// is set before the first test runs.
var programs string

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "sheaf-e2e-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(programs)
	build := exec.Command("go", "build", "-o", program("sheaf"), "github.com/sheaf-dev/sheaf/cmd/sheaf")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released, whatever builds the tests
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the program: %w\n%s", err, out)
	}
	for _, name := range []string{"doc-push", "doc-pull", "doc-query"} {
		if err := os.Link(program("sheaf"), program(name)); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}

// program returns the path of the program under a name.
func program(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(programs, name)
}

// environment returns the variables of a process that nobody has configured,
// but for those given.
func environment(given ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "DOCUMENT_") && !strings.HasPrefix(variable, "SHEAF_") && !strings.HasPrefix(variable, "SUPABASE_") {
			env = append(env, variable)
		}
	}
	return append(env, given...)
}

// A command is a run of the program that has ended.
type command struct {
	stdout, stderr string
	exit           int
}

// run runs the program under a name in the directory dir, with what it reads
// (nothing, if nil) and the variables it is configured by.
func run(ctx context.Context, dir string, stdin io.Reader, variables []string, name string, args ...string) (command, error) {
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.Dir = dir
	cmd.Env = environment(variables...)
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); ended {
		err = nil
	}
	return command{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, err
}
