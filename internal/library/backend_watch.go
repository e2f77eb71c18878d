package library

import (
	"context"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// watchInterval is how often the condition of a backend is looked at, which asks
// nobody unless it is time to find out whether the backend is back.
const watchInterval = time.Second

// A backendWatch finds out when a backend goes away and comes back, whoever uses
// it or nobody: it says so in the log and in the audit, and has what waits for
// the backend moved.
type backendWatch struct {
	library *Library
	backend string
	since   time.Time // when it went away; zero: it is there
}

func (w *backendWatch) run(ctx context.Context) (more bool, err error) {
	l := w.library
	condition, _ := l.blobs.Condition(w.backend)
	if condition.State == blob.StateUnavailable && !time.Now().Before(condition.RetryAt) {
		// What it says is in the condition, too.
		_, _ = l.blobs.Stat(ctx, w.backend, nowhere)
		condition, _ = l.blobs.Condition(w.backend)
	}
	switch away := condition.State == blob.StateUnavailable; {
	case away && w.since.IsZero():
		w.since = time.Now()
		l.log.Error("a storage backend does not answer; small contents wait in the catalog", "backend", w.backend, "error", condition.Failure)
		w.record(sheaf.ErrBackendUnavailable, condition.Failure, 0)
	case !away && !w.since.IsZero():
		l.log.Info("a storage backend answers again", "backend", w.backend, "after", time.Since(w.since).Round(time.Second))
		w.record("", "", time.Since(w.since))
		w.since = time.Time{}
	}
	if d := l.drains[w.backend]; condition.State != blob.StateUnavailable && d.held.Swap(false) {
		wake(d.wake)
	}
	return false, nil
}

// record leaves an access record of what happened to the backend: nobody's call
// may have met it.
func (w *backendWatch) record(code sheaf.ErrorKind, message string, away time.Duration) {
	status := sheaf.CallSucceeded
	if code != "" {
		status = sheaf.CallStatus(code)
	}
	w.library.access.add(catalog.Access{
		At: time.Now(), Principal: "system", Label: w.backend, Operation: "backend.watch", Transport: "background",
		Status: status, Duration: away, Code: code, Message: message,
	})
}

// nowhere is the key of an object that cannot exist. That it is not found is an
// answer.
var nowhere = blob.Key(sheaf.Digest{}.String())

// away reports whether calls of a backend fail without being made.
func (l *Library) away(backend string) bool {
	condition, monitored := l.blobs.Condition(backend)
	return monitored && condition.State == blob.StateUnavailable
}
