package blob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SpoolFile creates an empty file in dir that nobody else can see, and that
// vanishes when it is closed or the process dies. Where the file system can, it
// may be given a name later.
func SpoolFile(dir string) (*os.File, error) {
	f, err := OpenUnnamed(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return createUnlinked(dir)
	}
	return f, err
}

// OpenUnnamed creates a file of the file system of dir that has no name yet;
// linkat gives it one. It fails with [errors.ErrUnsupported] where the file
// system has no such files.
func OpenUnnamed(dir string) (*os.File, error) {
	for {
		fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		switch err {
		case nil:
			return os.NewFile(uintptr(fd), dir+"/(unnamed)"), nil
		case unix.EINTR:
			continue
		case unix.EISDIR: // a kernel or file system that takes no notice of O_TMPFILE
			err = unix.EOPNOTSUPP
		}
		return nil, &os.PathError{Op: "open unnamed file in", Path: dir, Err: err}
	}
}
