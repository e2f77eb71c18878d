package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/jobs"
)

const (
	// A batch of the drain is large, because what costs is making files
	// durable, and that costs the same for one as for many.
	drainCount = 512     // blobs; each is an open file until the batch is durable
	drainBytes = 8 << 20 // stored bytes, all in memory

	// drainPause lets small writes gather between batches.
	drainPause = 200 * time.Millisecond

	// scrubInterval is from the end of one round of the scrubber to the next.
	scrubInterval = time.Hour

	// indexCount is how many documents one run of the listing index takes in.
	// Until then they are found by looking at each.
	indexCount = 2048
	indexPause = 500 * time.Millisecond
)

// Background returns the work that a store does by itself.
func (l *Library) Background() []jobs.Job {
	work := []jobs.Job{
		{Name: "listing index", Run: pausing(indexPause, l.Index), Interval: time.Minute, Wake: l.indexable},
		{Name: "quarantine", Run: l.settleSuspects, Wake: l.suspects.wake},
		{Name: "idempotency keys", Run: l.forgetAnswers, Interval: time.Hour},
	}
	// One for each backend: one that is away must not hold up the others.
	for backend, wake := range l.drainable {
		drain := func(ctx context.Context) (bool, error) { return l.drainBackend(ctx, backend) }
		work = append(work, jobs.Job{Name: "drain of " + backend, Run: pausing(drainPause, drain), Interval: time.Minute, Wake: wake})
	}
	if l.viewsDir != "" {
		work = append(work, jobs.Job{Name: "views of the registry", Run: pausing(registryPause, l.WriteRegistry), Interval: time.Minute, Wake: l.viewable})
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
		work = append(work, jobs.Job{Name: "garbage", Run: l.garbage.delayed(l.collectInBackground), Interval: interval})
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

// Drain moves one batch of small blobs from the catalog to each backend. It
// reports whether there may be more to move at once. It must not run twice at
// the same time.
func (l *Library) Drain(ctx context.Context) (more bool, err error) {
	var errs []error
	for backend := range l.backends {
		again, err := l.drainBackend(ctx, backend)
		more, errs = more || again, append(errs, err)
	}
	return more, errors.Join(errs...)
}

func (l *Library) drainBackend(ctx context.Context, backend string) (more bool, err error) {
	var batch []catalog.Blob
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		batch, err = v.InlineBlobs(backend, drainCount, drainBytes)
		return err
	})
	if err != nil || len(batch) == 0 {
		return false, err
	}
	whole, refs := batch[:0:0], make([]blob.Ref, 0, len(batch))
	var bytes int64
	for _, b := range batch {
		bytes += b.StoredSize
		if int64(len(b.Inline)) != b.ObjectSize() { // or it would hold up all that follow
			l.ReportDamage(b.Ref, fmt.Errorf("%d bytes are inline, not %d", len(b.Inline), b.ObjectSize()))
			continue
		}
		whole, refs = append(whole, b), append(refs, b.Ref)
	}
	if err := l.blobs.PlaceBatch(ctx, backend, refs); err != nil {
		return false, err
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error { return tx.DropInline(whole) })
	return err == nil && (len(batch) == drainCount || bytes >= drainBytes), err
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
