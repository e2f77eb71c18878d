//go:build unix && !linux

package fsblob

import (
	"errors"

	"golang.org/x/sys/unix"
)

// move gives a file another name, which may not be taken: then the error is
// [fs.ErrExist] and the file keeps the name it has.
func move(from, to string) error { return moveByLink(from, to) }

// cannotMove reports whether move failed because of where the file is.
func cannotMove(err error) bool { return errors.Is(err, unix.EXDEV) }
