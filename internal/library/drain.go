package library

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	// A batch of the drain is large, because what costs is making files
	// durable, and that costs the same for one as for many.
	drainCount = 512     // blobs; each is an open file until the batch is durable
	drainBytes = 8 << 20 // stored bytes, all in memory

	// drainCountFar is drainCount for backends without files. Nothing is on its
	// way to them while a batch is committed.
	drainCountFar = 2 * drainCount

	// drainPause lets small writes gather between batches.
	drainPause = 200 * time.Millisecond

	// drainAnew is how often a drain looks at what it has passed. A blob that
	// is marked as damaged is passed, and may turn out to be whole.
	drainAnew = 10 * time.Minute

	// drainPatience is how long a write waits for a drain that is behind.
	drainPatience = 2 * time.Second
)

// A drain moves the small contents that wait in the catalog for one backend.
type drain struct {
	library *Library
	backend string
	wake    chan struct{} // woken when there may be something to move

	mostBlobs, mostBytes int64 // that may wait; 0: no bound

	// held says that there is something to move, and that the backend is away.
	held atomic.Bool

	running sync.Mutex // held by run
	after   int64      // the blob up to which there is nothing left to move; guarded by running
	anew    time.Time  // when after was 0; guarded by running
}

// Drain moves one batch of small blobs from the catalog to each backend. It
// reports whether there may be more to move at once.
func (l *Library) Drain(ctx context.Context) (more bool, err error) {
	var errs []error
	for _, d := range l.drains {
		again, err := d.run(ctx)
		more, errs = more || again, append(errs, err)
	}
	return more, errors.Join(errs...)
}

// run moves one batch. While the backend is known to be away it does nothing,
// and leaves it to the watch of the backend to wake it.
func (d *drain) run(ctx context.Context) (more bool, err error) {
	l := d.library
	if l.away(d.backend) {
		d.held.Store(true)
		return false, nil
	}
	d.running.Lock()
	defer d.running.Unlock()
	if time.Since(d.anew) > drainAnew {
		d.after, d.anew = 0, time.Now()
	}
	// From where the last run has got to: what waits for other backends is in
	// between, and there may be much of it.
	count := drainCount
	if !l.blobs.IsLocal(d.backend) {
		count = drainCountFar
	}
	var batch []catalog.Blob
	var through int64
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		batch, through, err = v.InlineBlobs(d.backend, d.after, count, drainBytes)
		return err
	})
	if err != nil {
		return false, err
	}
	ready, held := d.unlessCopied(batch)
	if err := d.move(ctx, ready); err != nil {
		if _, monitored := l.blobs.Condition(d.backend); monitored && sheaf.KindOf(err) == sheaf.ErrBackendUnavailable {
			l.log.Warn("small contents wait for their backend", "backend", d.backend, "waiting", l.catalog.Undrained(d.backend).Blobs, "error", err)
			d.held.Store(true)
			return false, nil
		}
		return false, err
	}
	d.after = through
	if held != nil {
		d.after = held.PK - 1
	}
	var bytes int64
	for _, b := range batch {
		bytes += b.StoredSize
	}
	return len(batch) == count || bytes >= drainBytes || held != nil, nil
}

// unlessCopied returns those of a batch that no move is just putting there,
// possibly in another encoding, and the first one of the others.
func (d *drain) unlessCopied(batch []catalog.Blob) (ready []catalog.Blob, held *catalog.Blob) {
	for i, b := range batch {
		switch {
		case !d.library.moves.copies.has(blobName{d.backend, b.Digest}):
			ready = append(ready, b)
		case held == nil:
			held = &batch[i]
		}
	}
	return ready, held
}

// move moves a batch to the backend, and then forgets its inline bytes.
func (d *drain) move(ctx context.Context, batch []catalog.Blob) error {
	l := d.library
	whole, refs := batch[:0:0], make([]blob.Ref, 0, len(batch))
	for _, b := range batch {
		if int64(len(b.Inline)) != b.ObjectSize() { // or it would hold up all that follow
			l.ReportDamage(b.Ref, fmt.Errorf("%d bytes are inline, not %d", len(b.Inline), b.ObjectSize()))
			continue
		}
		whole, refs = append(whole, b), append(refs, b.Ref)
	}
	if len(whole) == 0 {
		return nil
	}
	if err := l.blobs.PlaceBatch(ctx, d.backend, refs); err != nil {
		return err
	}
	return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error { return tx.DropInline(whole) })
}

// admit fails when too much waits for the backend for a content to join it. While
// the backend answers it waits for a moment: the drain may just be behind.
func (d *drain) admit(ctx context.Context, size int64) error {
	if size == 0 || d.hasRoom(size) { // of nothing, nothing waits
		return nil
	}
	wake(d.wake)
	patience := time.NewTimer(drainPatience)
	defer patience.Stop()
	look := time.NewTicker(drainPatience / 100)
	defer look.Stop()
	for !d.library.away(d.backend) {
		select {
		case <-look.C:
			if d.hasRoom(size) {
				return nil
			}
			continue
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
		}
		break
	}
	waiting := d.library.catalog.Undrained(d.backend)
	return sheaf.Errorf(sheaf.ErrBackendUnavailable,
		"%d contents of %d bytes wait for the storage backend %q already; the limits are %d and %d (storage.undrained_blobs, storage.undrained_bytes)",
		waiting.Blobs, waiting.Bytes, d.backend, d.mostBlobs, d.mostBytes).
		WithHint("nothing of this was stored; try again when the backend is back, /health says how it fares")
}

func (d *drain) hasRoom(size int64) bool {
	waiting := d.library.catalog.Undrained(d.backend)
	return (d.mostBlobs <= 0 || waiting.Blobs < d.mostBlobs) && (d.mostBytes <= 0 || waiting.Bytes+size <= d.mostBytes)
}
