//go:build unix

package cli

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/creack/pty"
)

// pushSlowly pushes standard input, which takes longer than a moment, with a
// terminal of so many columns as standard error, and returns what is written there.
// A busy machine may be long in starting the program: if something is expected, the
// push goes on until it is there.
func pushSlowly(t *testing.T, expected bool, columns uint16, args ...string) string {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	defer terminal.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"push", "-", "--name", "slow", "--data-dir", "store"}, args...)...)
	cmd.Env = append(os.Environ(), programVariable+"=1", "TERM=xterm")
	cmd.Stderr = tty
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	var something atomic.Bool
	read := make(chan struct{})
	go func() {
		io.Copy(io.MultiWriter(&shown, noticing{&something}), terminal) // ends with an error when the other side is closed
		close(read)
	}()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	for n := 0; n < 18 || expected && !something.Load() && n < 600; n++ {
		io.WriteString(in, strings.Repeat("x", 1000))
		time.Sleep(100 * time.Millisecond)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, shown.String())
	}
	<-read
	return shown.String()
}

// noticing notices that something is written.
type noticing struct{ something *atomic.Bool }

// Write implements [io.Writer].
func (n noticing) Write(p []byte) (int, error) {
	n.something.Store(true)
	return len(p), nil
}

func TestProgressOnATerminal(t *testing.T) {
	workIn(t)
	shown := pushSlowly(t, true, 80)
	if !regexp.MustCompile(`\r0 files  \d+\.\d KB  \d+\.\d KB/s`).MatchString(shown) {
		t.Errorf("a terminal shows %q, want how far the push is", shown)
	}
	if lines := strings.Split(shown, "\r"); strings.Trim(lines[len(lines)-1], " ") != "" {
		t.Errorf("a terminal shows %q, want the line to be gone in the end", shown)
	}
	for line := range strings.SplitSeq(pushSlowly(t, true, 20), "\r") {
		if len(line) > 19 {
			t.Errorf("%q does not fit into 20 columns", line)
		}
	}
	for _, flag := range []string{"--quiet", "--json"} {
		if shown := pushSlowly(t, false, 80, flag); shown != "" {
			t.Errorf("%s shows %q, want nothing", flag, shown)
		}
	}
}

func TestProgressLine(t *testing.T) {
	var p progress
	p.noun = "file"
	p.items.Store(3)
	p.bytes.Store(1 << 20)
	const elapsed = 2 * time.Second
	if got, want := p.line(elapsed, 79), "3 files  1.0 MB  512.0 KB/s"; got != want {
		t.Errorf("with unknown totals: %q, want %q", got, want)
	}
	p.expect(10, 4<<20)
	for width, want := range map[int]string{
		100: "[======                  ]   25%  3/10 files  1.0 MB/4.0 MB  512.0 KB/s  0:06 left",
		60:  " 25%  3/10 files  1.0 MB/4.0 MB  512.0 KB/s  0:06 left",
		40:  " 25%  1.0 MB/4.0 MB  0:06 left",
		20:  " 25%  1.0 MB/4.0 MB",
		10:  "1.0 MB/4.0",
		0:   "",
	} {
		if got := p.line(elapsed, width); got != want {
			t.Errorf("in %d columns: %q, want %q", width, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0:00", 65 * time.Second: "1:05", 2 * time.Hour: "2:00:00", 1e6 * time.Hour: "100:00:00"} {
		if got := formatDuration(d); got != want {
			t.Errorf("formatDuration(%v) = %s, want %s", d, got, want)
		}
	}
}
