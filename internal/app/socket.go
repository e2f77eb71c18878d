package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
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
func listenSocket(dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	removeSocket(path)
	if len(path) <= maxSocketPath {
		return listenUnix(path)
	}
	private, err := os.MkdirTemp("", "sheaf-") // mode 0700
	if err != nil {
		return nil, err
	}
	target := filepath.Join(private, socketName)
	listener, err := listenUnix(target)
	if err != nil {
		os.Remove(private)
		return nil, err
	}
	linked := &linkedListener{Listener: listener, link: path}
	if err := os.Symlink(target, path); err != nil {
		linked.Close()
		return nil, err
	}
	return linked, nil
}

func listenUnix(path string) (net.Listener, error) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, fmt.Errorf("restrict the socket to its owner: %w", err)
	}
	return listener, nil
}

// A linkedListener removes the link to its socket with it.
type linkedListener struct {
	net.Listener
	link string
}

func (l *linkedListener) Close() error {
	err := l.Listener.Close()
	removeSocket(l.link)
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
