package blob

import (
	"errors"

	"github.com/sheaf-dev/sheaf"
)

// ErrRefused is wrapped by an error of kind ErrBackendUnavailable that the same
// call would meet again until somebody changes something: credentials that are
// not accepted, a bucket that is not there. Who retries does not retry these.
var ErrRefused = errors.New("the backend refuses the request")

// Refused returns an error of kind ErrBackendUnavailable that wraps ErrRefused
// and a cause for logs. The message and the hint are for whoever runs the store.
func Refused(message, hint string, cause error) error {
	return &sheaf.Error{Kind: sheaf.ErrBackendUnavailable, Message: message, Hint: hint, Err: errors.Join(ErrRefused, cause)}
}
