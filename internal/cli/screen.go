package cli

import (
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// A screen is where a command writes: its two streams, which may be one terminal,
// with a line about progress below what was written. Goroutines may write whole
// lines at once.
type screen struct {
	err      io.Writer
	terminal *os.File // that standard error is; nil if it is none

	mu     sync.Mutex
	status int // the width of the line that stands at the cursor; guarded by mu
}

func newScreen(streams Streams) *screen {
	s := &screen{err: streams.Err}
	if file, ok := streams.Err.(*os.File); ok && isTerminal(file) && os.Getenv("TERM") != "dumb" {
		s.terminal = file
	}
	return s
}

// stream returns one of the screen's streams.
func (s *screen) stream(to io.Writer) io.Writer { return &screenWriter{s, to} }

type screenWriter struct {
	screen *screen
	to     io.Writer
}

// Write implements [io.Writer].
func (w *screenWriter) Write(p []byte) (int, error) {
	w.screen.mu.Lock()
	defer w.screen.mu.Unlock()
	w.screen.clear()
	return w.to.Write(p)
}

// width returns the columns of the terminal.
func (s *screen) width() int {
	width, _, err := term.GetSize(int(s.terminal.Fd()))
	if err != nil || width <= 0 {
		width = 80
	}
	return width
}

// show puts a line of plain ASCII, shorter than the terminal is wide, at the
// cursor, in the place of the one before. The next thing that is written takes
// its place.
func (s *screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Spaces clear a line on every terminal, escape sequences do not.
	io.WriteString(s.err, "\r"+line+strings.Repeat(" ", max(s.status-len(line), 0)))
	s.status = len(line)
}

// hide takes the line away.
func (s *screen) hide() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

// clear is hide for who holds mu.
func (s *screen) clear() {
	if s.status > 0 {
		io.WriteString(s.err, "\r"+strings.Repeat(" ", s.status)+"\r")
		s.status = 0
	}
}

// isTerminal reports whether somebody sits at the other end of a command's input
// or output.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
