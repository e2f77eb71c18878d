package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the scripts in testdata. Besides testscript's own, they have
// the commands serve, stop, lines and setid, and the condition
// [default-port-free].
func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("servers are stopped by signals here")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program("sheaf"))+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Values[serverKey] = &scriptServer{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve,
			"stop":  stop,
			"lines": lines,
			"setid": setID,
		},
		Condition: func(condition string) (bool, error) {
			if condition == "default-port-free" {
				return !connects("127.0.0.1:8766"), nil
			}
			return false, fmt.Errorf("there is no condition %q", condition)
		},
	})
}

const serverKey = "server"

// A scriptServer is the one that a script has running, if any.
type scriptServer struct {
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has
	output lockedBuffer
}

// serve starts a server on a free port, with the flags given, and waits until
// it answers. DOCUMENT_SERVER_URL is set to its address, unless the first
// argument is -no-url.
//
//	serve [-no-url] [flag...]
func serve(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey).(*scriptServer)
	if neg || s.cmd != nil {
		ts.Fatalf("usage: serve [-no-url] [flag...], and one server at a time")
	}
	setURL := true
	if len(args) > 0 && args[0] == "-no-url" {
		setURL, args = false, args[1:]
	}
	address := freeAddress(ts)
	_, port, err := net.SplitHostPort(address)
	ts.Check(err)
	s.cmd = exec.Command(program("sheaf"), append([]string{"serve", "--port", port}, args...)...)
	s.cmd.Dir = ts.MkAbs(".")
	s.cmd.Env = environment()
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	ts.Check(s.cmd.Start())
	s.ended = make(chan struct{})
	go func() {
		s.cmd.Wait()
		close(s.ended)
	}()
	ts.Defer(func() {
		if s.cmd != nil {
			s.cmd.Process.Kill()
			<-s.ended
		}
	})
	for deadline := time.Now().Add(startPatience); !connects(address); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.ended:
			ts.Fatalf("the server ended:\n%s", s.output.String())
		default:
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the server does not answer:\n%s", s.output.String())
		}
	}
	if setURL {
		ts.Setenv("DOCUMENT_SERVER_URL", "http://"+address)
	}
	ts.Setenv("SERVER", "http://"+address)
	ts.Logf("serving at %s", address)
}

// stop ends the server, by SIGKILL if the argument is -kill. Otherwise it has to
// end well. What it has written is standard output then.
//
//	stop [-kill]
func stop(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serverKey).(*scriptServer)
	if neg || s.cmd == nil {
		ts.Fatalf("usage: stop [-kill], when a server runs")
	}
	killed := len(args) == 1 && args[0] == "-kill"
	if killed {
		ts.Check(s.cmd.Process.Kill())
	} else {
		ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	}
	select {
	case <-s.ended:
	case <-time.After(startPatience):
		ts.Fatalf("the server does not stop:\n%s", s.output.String())
	}
	if code := s.cmd.ProcessState.ExitCode(); !killed && code != 0 {
		ts.Fatalf("the server stopped with exit code %d:\n%s", code, s.output.String())
	}
	io.WriteString(ts.Stdout(), s.output.String())
	s.cmd = nil
}

// lines fails unless a file has so many lines.
//
//	lines <file> <n>
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines <file> <n>")
	}
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); fmt.Sprint(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], n, args[1])
	}
}

// setID sets a variable to the first document id in a file.
//
//	setid <variable> <file>
func setID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setid <variable> <file>")
	}
	const prefix, length = "doc_", 16
	text := ts.ReadFile(args[1])
	at := strings.Index(text, prefix)
	if at < 0 || len(text) < at+length {
		ts.Fatalf("%s has no document id", args[1])
	}
	ts.Setenv(args[0], text[at:at+length])
}

// freeAddress returns an address on loopback that nobody listens on.
func freeAddress(ts *testscript.TestScript) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer listener.Close()
	return listener.Addr().String()
}

func connects(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// lockedBuffer is written by the process's output and read by the script.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
