package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/sheaf-dev/sheaf"
)

// hopeless is after how many failures of the store in a row a command gives up.
const hopeless = 5

// A tally counts how the parts of a command's work went. The command goes on
// after a failure and ends with the first; but when the store itself fails again
// and again, it gives up.
type tally struct {
	giveUp func() // keeps what was not begun from being tried

	done, failed int
	bytes        int64
	first        error
	storeFailed  int // times in a row
}

func (t *tally) succeed(bytes int64) {
	t.done++
	t.bytes += bytes
	t.storeFailed = 0
}

// String returns the count, for a command's last note.
func (t *tally) String() string {
	text := plural(t.done, "document") + ", " + formatSize(t.bytes)
	if t.failed > 0 {
		text += fmt.Sprintf("; %d failed", t.failed)
	}
	return text
}

// fail tells of a failure at once: the work may go on for long. What an
// interruption has cut short is no failure of its own.
func (t *tally) fail(cmd *cobra.Command, subject string, err error) {
	if cmd.Context().Err() != nil {
		return
	}
	t.failed++
	if t.first == nil {
		t.first = &toldError{err}
	}
	if !isOfStore(err) {
		t.storeFailed = 0
	} else if t.storeFailed++; t.storeFailed == hopeless {
		t.giveUp()
	} else if t.storeFailed > hopeless {
		return // was begun before that, and tells nothing new
	}
	tell(cmd.ErrOrStderr(), about(subject, err))
}

// isOfStore reports whether an error is about the store, so that other documents
// have to expect the same.
func isOfStore(err error) bool {
	switch sheaf.KindOf(err) {
	case sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable, sheaf.ErrTimeout,
		sheaf.ErrUnauthorized, sheaf.ErrForbidden, sheaf.ErrDiskFull:
		return true
	}
	return false
}

// err returns what the command ends with.
func (t *tally) err(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return t.first
}

// about returns err with the subject in front, and still of its kind. Errors of
// the file system name their file already.
func about(subject string, err error) error {
	var e *sheaf.Error
	var pathError *fs.PathError
	switch {
	case errors.As(err, &e):
		with := *e
		with.Message = subject + ": " + e.Message
		if len(e.Fields) == 1 && e.Fields[0].Message == e.Message {
			with.Fields = nil // it would be said twice
		}
		return &with
	case errors.As(err, &pathError):
		return err
	}
	return fmt.Errorf("%s: %w", subject, err)
}

// closeInto closes c when a function returns that has a named error, and gives
// it the error of closing unless it has one.
func closeInto(err *error, c io.Closer) {
	if closeErr := c.Close(); *err == nil {
		*err = closeErr
	}
}
