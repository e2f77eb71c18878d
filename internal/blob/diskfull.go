package blob

import "github.com/sheaf-dev/sheaf"

// AsDiskFull returns err as a sheaf.Error of kind ErrDiskFull when the disk,
// the quota or the allowed file size is used up, else err as it is.
func AsDiskFull(err error) error {
	if !isDiskFull(err) {
		return err
	}
	return &sheaf.Error{
		Kind:    sheaf.ErrDiskFull,
		Message: "the store's disk is full",
		Hint:    "free some space and try again; nothing was stored",
		Err:     err,
	}
}
