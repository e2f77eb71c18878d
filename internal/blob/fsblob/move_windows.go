package fsblob

import (
	"errors"

	"golang.org/x/sys/windows"
)

// move gives a file another name, which may not be taken: then the error is
// [fs.ErrExist] and the file keeps the name it has.
func move(from, to string) error { return moveByLink(from, to) }

// cannotMove reports whether move failed because of where the file is, or because
// it is open.
func cannotMove(err error) bool {
	return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) || errors.Is(err, windows.ERROR_SHARING_VIOLATION)
}
