package e2e

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf/client"
)

// startPatience is how long a server may take to serve. It is generous: tests of
// other packages may have the machine.
const startPatience = 30 * time.Second

// A serverProcess is a process of `sheaf serve`. It is killed at the end of its
// test, if it still runs then.
type serverProcess struct {
	url    string // known once it serves
	client *client.Client

	cmd    *exec.Cmd
	serves chan string   // receives the URL
	ended  chan struct{} // closed when the process is gone
	stderr bytes.Buffer  // to be read after ended only
	killed atomic.Bool   // set before the process is
}

// serveCommand returns the command of a server on a data directory and a free port.
func serveCommand(dataDir string, flags ...string) *exec.Cmd {
	cmd := exec.Command(program("sheaf"), append([]string{"serve", "--port", "0", "--data-dir", dataDir}, flags...)...)
	cmd.Dir = programs // where no sheaf.yaml is
	cmd.Env = environment()
	return cmd
}

// launchServer starts a server on a data directory and a free port, and does not
// wait for it to serve.
func launchServer(t *testing.T, dataDir string, flags ...string) *serverProcess {
	t.Helper()
	return launch(t, serveCommand(dataDir, flags...))
}

// launch starts the command of a server.
func launch(t *testing.T, cmd *exec.Cmd) *serverProcess {
	t.Helper()
	s := &serverProcess{cmd: cmd, serves: make(chan string, 1), ended: make(chan struct{})}
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting a server: %v", err)
	}
	go func() {
		defer close(s.ended)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if url, ok := strings.CutPrefix(lines.Text(), "API "); ok {
				s.serves <- strings.TrimSpace(url)
			}
		}
		s.cmd.Wait() // its outcome is in cmd.ProcessState
	}()
	t.Cleanup(s.kill)
	return s
}

// startServer starts a server and waits until it serves.
func startServer(t *testing.T, dataDir string, flags ...string) *serverProcess {
	t.Helper()
	s := launchServer(t, dataDir, flags...)
	s.wantServing(t)
	return s
}

// wantServing waits until a server serves.
func (s *serverProcess) wantServing(t *testing.T) {
	t.Helper()
	select {
	case s.url = <-s.serves:
	case <-s.ended:
		t.Fatalf("the server ended with code %d instead of serving:\n%s", s.cmd.ProcessState.ExitCode(), &s.stderr)
	case <-time.After(startPatience):
		s.kill()
		t.Fatalf("the server does not serve after %v:\n%s", startPatience, &s.stderr)
	}
	var err error
	if s.client, err = client.New(s.url); err != nil {
		t.Fatal(err)
	}
}

// kill ends the process as nothing can prevent, which is SIGKILL, and returns
// when it is gone.
func (s *serverProcess) kill() {
	s.killed.Store(true)
	s.cmd.Process.Kill()
	<-s.ended
	if s.client != nil {
		s.client.Close()
	}
}

// terminate asks the process to end, as a service manager does. Windows knows no
// such request.
func (s *serverProcess) terminate(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("asking the server to end: %v", err)
	}
}

// wantEnd waits until the process is gone, which has to be soon and by itself.
func (s *serverProcess) wantEnd(t *testing.T) {
	t.Helper()
	const patience = 40 * time.Second // more than the time that requests have by default
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Errorf("the server still runs %v after it was asked to end", patience)
		s.kill()
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the server ended with code %d, want 0:\n%s", code, &s.stderr)
	}
}

// stop ends the server gracefully.
func (s *serverProcess) stop(t *testing.T) {
	t.Helper()
	s.client.Close()
	s.terminate(t)
	s.wantEnd(t)
}
