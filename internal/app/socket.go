package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	socketName = "sheaf.sock"

	// maxSocketPath is a length that the socket addresses of every system hold:
	// 104 bytes on macOS and 108 on Linux, a NUL included.
	maxSocketPath = 100
)

// SocketPath returns the path at which the owner of the data directory listens.
// It is not said that there is one. Where the path of the directory is too long
// for a socket, sheaf.sock is a symbolic link and its target is returned, since
// the system refuses the long name before it follows the link.
func SocketPath(dataDir string) string {
	path := filepath.Join(dataDir, socketName)
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if len(path) > maxSocketPath {
		if target, err := os.Readlink(path); err == nil {
			return target
		}
	}
	return path
}

// listenSocket listens on the data directory's socket, which the caller owns:
// what lies at its path is a killed process's and is replaced. Closing the
// listener removes the socket.
func listenSocket(dir string) (*socketListener, error) {
	path := filepath.Join(dir, socketName)
	removeSocket(path)
	if len(path) <= maxSocketPath {
		return listenUnix(path, path)
	}
	private, err := os.MkdirTemp("", "sheaf-") // mode 0700
	if err != nil {
		return nil, err
	}
	target := filepath.Join(private, socketName)
	if err := os.Symlink(target, path); err != nil {
		os.Remove(private)
		return nil, err
	}
	listener, err := listenUnix(target, path)
	if err != nil {
		removeSocket(path)
		return nil, err
	}
	return listener, nil
}

// listenUnix listens at a path, which others know as name.
func listenUnix(path, name string) (*socketListener, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false) // the name may be a link, which goes first
	l := &socketListener{UnixListener: listener, name: name, closed: make(chan struct{})}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("restrict the socket to its owner: %w", err)
	}
	return l, nil
}

// A socketListener listens on the socket of a data directory. It can be ended
// without turning anybody away: closing a socket resets the connections that
// wait to be accepted, and whoever made them could not tell whether their
// request was heard. Owners that are commands come and go, so that somebody is
// about to be accepted as a matter of course.
type socketListener struct {
	*net.UnixListener
	name     string
	retiring atomic.Bool
	lastLook bool // nobody was waiting any more; only Accept uses it

	closing sync.Once
	closed  chan struct{}
}

// lookTime is how long retiring waits for somebody who is about to connect.
const lookTime = 2 * time.Millisecond

// Accept implements [net.Listener]. One goroutine at a time may call it.
func (l *socketListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.UnixListener.Accept()
		switch {
		case err == nil:
			l.lastLook = false
			return conn, nil
		case !l.retiring.Load() || !errors.Is(err, os.ErrDeadlineExceeded):
			return nil, err
		case l.lastLook:
			l.Close()
			return nil, net.ErrClosed
		}
		// After a deadline Accept does not look who is waiting.
		l.lastLook = true
		l.SetDeadline(time.Now().Add(lookTime))
	}
}

// retire removes the socket's name, has those accepted who have found it, and
// closes it. Somebody has to be calling Accept.
func (l *socketListener) retire() {
	removeSocket(l.name)
	l.retiring.Store(true)
	l.SetDeadline(time.Now())
	<-l.closed
}

// Close closes the socket and removes its name. What follows the first call
// does nothing.
func (l *socketListener) Close() (err error) {
	l.closing.Do(func() {
		removeSocket(l.name)
		err = l.UnixListener.Close()
		close(l.closed)
	})
	return err
}

// removeSocket removes a socket, or a link to one with the socket and the
// private directory that was made for it. What cannot be removed shows when the
// next socket is made.
func removeSocket(path string) {
	if target, err := os.Readlink(path); err == nil {
		os.Remove(target)
		os.Remove(filepath.Dir(target)) // which fails if there is something else in it
	}
	os.Remove(path)
}
