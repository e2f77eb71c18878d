package fsblob

import (
	"errors"
	"io/fs"
	"os"
)

// moveByLink does what move does where renaming would replace what has the name.
func moveByLink(from, to string) error {
	err := os.Link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) || cannotMove(err) {
		return err
	}
	// There are file systems without hard links. That two may rename to the
	// same name does no harm: their bytes are the same.
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}
