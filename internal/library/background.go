package library

import (
	"context"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/jobs"
)

const (
	// scrubInterval is from the end of one round of the scrubber to the next.
	scrubInterval = time.Hour

	// indexCount is how many documents one run of the listing index takes in.
	// Until then they are found by looking at each.
	indexCount = 2048
	indexPause = 500 * time.Millisecond

	// leisure is from the start of a process to the first look for what can be
	// removed from backends: a command that is over at once should not begin one.
	leisure = time.Minute
)

// Background returns the work that a store does by itself.
func (l *Library) Background() []jobs.Job {
	work := []jobs.Job{
		{Name: "listing index", Run: pausing(indexPause, l.Index), Interval: time.Minute, Wake: l.indexable},
		{Name: "quarantine", Run: l.settleSuspects, Wake: l.suspects.wake},
		{Name: "idempotency keys", Run: l.forgetAnswers, Interval: time.Hour},
		{Name: "uploads", Run: l.sweepUploads, Interval: sweepInterval},
		{Name: "staging areas", Run: l.sweepStaging, Delay: leisure, Interval: stagingInterval},
		{Name: "temporary archives", Run: l.sweepArchives, Delay: leisure, Interval: objectsInterval},
	}
	// One for each backend: one that is away must not hold up the others.
	for backend, d := range l.drains {
		work = append(work, jobs.Job{Name: "drain of " + backend, Run: pausing(drainPause, d.run), Interval: time.Minute, Wake: d.wake})
		if _, monitored := l.blobs.Condition(backend); monitored {
			watch := backendWatch{library: l, backend: backend}
			work = append(work, jobs.Job{Name: "watch of " + backend, Run: watch.run, Interval: watchInterval})
		}
	}
	work = append(work, jobs.Job{Name: "moves", Run: l.runMoves})
	if l.views.dir != "" {
		work = append(work, jobs.Job{Name: "views of the registry", Run: pausing(registryPause, l.WriteRegistry), Interval: time.Minute, Wake: l.views.wake})
	}
	work = append(work, jobs.Job{Name: "access records", Run: l.flushAccess, Interval: accessInterval, Wake: l.access.wake})
	if l.audit.Retention > 0 {
		work = append(work, jobs.Job{Name: "old access records", Run: l.forgetAccess, Interval: time.Hour})
	}
	if l.exports != nil {
		work = append(work, jobs.Job{Name: "audit files", Run: l.exports.run, Interval: exportInterval})
	}
	if l.scrubRate > 0 {
		scrub := scrubber{library: l, rate: l.scrubRate}
		work = append(work, jobs.Job{Name: "scrubber", Run: scrub.run, Interval: scrubInterval})
	}
	if interval := l.garbage.options.Interval; interval > 0 {
		work = append(work, jobs.Job{Name: "garbage", Run: l.collectInBackground, Delay: min(leisure, interval), Interval: interval})
	}
	return work
}

// pausing lets work gather for a moment before a run, unless runs follow each
// other because there is more than one can do.
func pausing(pause time.Duration, run func(context.Context) (bool, error)) func(context.Context) (bool, error) {
	var more bool
	return func(ctx context.Context) (_ bool, err error) {
		if !more {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return false, ctx.Err()
			}
		}
		more, err = run(ctx)
		return more, err
	}
}

// unlessAway returns the error of a look for what can be removed, unless it is of a
// backend that does not answer: that is no reason to look at all others again soon,
// and what is there can stay until the next time.
func (l *Library) unlessAway(err error) error {
	if sheaf.KindOf(err) == sheaf.ErrBackendUnavailable {
		l.log.Warn("what can be removed from a backend stays until the next look for it", "error", err)
		return nil
	}
	return err
}

// Index brings the listing index up to date by one batch. It reports whether
// there is more to do. It must not run twice at the same time.
func (l *Library) Index(ctx context.Context) (more bool, err error) {
	return l.catalog.IndexListing(ctx, indexCount)
}

// forgetAnswers removes what was remembered for idempotency keys that are over.
func (l *Library) forgetAnswers(ctx context.Context) (more bool, err error) {
	return false, l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		return tx.ForgetRemembered(tx.Now().Add(-rememberFor))
	})
}
