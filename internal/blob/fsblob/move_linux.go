package fsblob

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// move gives a file another name, which may not be taken: then the error is
// [fs.ErrExist] and the file keeps the name it has.
func move(from, to string) error {
	for {
		switch err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE); err {
		case nil:
			return nil
		case unix.EINTR:
			continue
		case unix.EINVAL, unix.ENOSYS: // a file system that cannot
			return moveByLink(from, to)
		default:
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
	}
}

// cannotMove reports whether move failed because of where the file is.
func cannotMove(err error) bool { return errors.Is(err, unix.EXDEV) }
