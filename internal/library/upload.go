package library

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// An Upload is a content that has arrived and belongs to no document yet. The
// caller closes it, whatever happens to it.
type Upload struct {
	spooled *blob.Spooled
	batch   *UploadBatch // that it came in, nil if none
	held    int64        // of the memory for batches
	opened  bool         // it counts as one of the open files of batches
	release []func()     // of what is pinned
}

// Receive reads a content to its end, hashes it and holds it until a document
// is made of it. It fails with [sheaf.ErrTooLarge] as soon as the limit is
// passed, with [sheaf.ErrDiskFull], or with the error of body, wrapped.
func (s *Session) Receive(ctx context.Context, body io.Reader) (*Upload, error) {
	s.begin("content.receive")
	if err := s.allow(sheaf.ScopeWrite); err != nil {
		return nil, err
	}
	spooled, err := s.library.blobs.Receive(ctx, body, s.library.limits.Content)
	if err != nil {
		return nil, err
	}
	return &Upload{spooled: spooled}, nil
}

// Digest returns the digest of the content.
func (u *Upload) Digest() sheaf.Digest { return u.spooled.Ref().Digest }

// Size returns the size of the content in bytes.
func (u *Upload) Size() int64 { return u.spooled.Ref().Size }

// Close frees what the upload holds. It may be called more than once.
func (u *Upload) Close() error {
	if u.held > 0 {
		u.batch.session.library.batchMemory.Release(u.held)
		u.held = 0
	}
	if u.opened {
		u.batch.session.library.batchOpen.Release(1)
		u.opened = false
	}
	for _, release := range u.release {
		release()
	}
	u.release = nil
	return u.spooled.Close()
}

// keep runs commit, which names the content of an upload in the catalog, and
// returns once the store has that content. It goes to a backend, or to the one to
// which the collection turns out to have moved meanwhile.
//
// Commit reports whether the catalog knew the content already, so that nothing
// was stored. Then what is stored is verified, while the good bytes are still at
// hand: should they have gone bad, or missing, they are stored again.
func (l *Library) keep(ctx context.Context, u *Upload, backend string, commit func(blob.Ref) (known bool, err error)) error {
	for {
		ref, err := u.spooled.RefOn(backend)
		if err != nil {
			return err
		}
		known, err := l.store(ctx, u, ref, commit)
		if moved, to := hasMoved(err); moved {
			backend = to
			continue
		}
		if err != nil || !known {
			return err
		}
		return l.heal(ctx, u, ref)
	}
}

// healPatience is how long a small write waits for a backend that may be on its
// way out to confirm what it has.
const healPatience = 2 * time.Second

// heal verifies a content that the catalog knew already, and stores the upload's
// good bytes again should those have gone bad, or missing.
func (l *Library) heal(ctx context.Context, u *Upload, ref blob.Ref) error {
	confirming, cancel := ctx, func() {}
	if ref.IsInline() {
		confirming, cancel = context.WithTimeout(ctx, healPatience)
	}
	err := l.confirm(confirming, ref)
	cancel()
	if sheaf.KindOf(err) != sheaf.ErrDamaged {
		return nil // it is whole, or its backend is away and the catalog is all there is
	}
	_, err = l.store(ctx, u, ref, func(ref blob.Ref) (known bool, err error) {
		err = l.catalog.Mutate(ctx, int64(len(ref.Inline)), func(tx *catalog.Tx) (err error) {
			known, err = tx.KeepBlob(ref)
			return err
		})
		return known, err
	})
	return err
}

// store makes an upload's content ready to be named in a commit, and commits.
func (l *Library) store(ctx context.Context, u *Upload, ref blob.Ref, commit func(blob.Ref) (bool, error)) (known bool, err error) {
	err = l.pastRemovals(ctx, []blob.Ref{ref}, func() error {
		placed, err := l.ready(ctx, u, ref)
		if err != nil {
			return err
		}
		known, err = commit(ref)
		known = known || !placed
		return err
	})
	return known, err
}

// pastRemovals runs store, which stores contents, again for as long as one of
// them is just being removed as garbage, once that is done.
func (l *Library) pastRemovals(ctx context.Context, contents []blob.Ref, store func() error) error {
	const attempts = 10 // others may store and remove the same content meanwhile
	for attempt := 1; ; attempt++ {
		err := store()
		if !errors.Is(err, catalog.ErrDeleting) || attempt == attempts {
			return err
		}
		for _, ref := range contents {
			err := l.finishRemoval(ctx, blobName{ref.Backend, ref.Digest})
			if sheaf.KindOf(err) == sheaf.ErrBackendUnavailable && ref.IsInline() {
				err = l.revive(ctx, ref) // it needs no backend
			}
			if err != nil {
				return err
			}
		}
	}
}

// ready makes an upload's content ready to be named in a commit. A small one
// rides inside the commit, so that there is nothing to do before. A large one
// has to be durable in the backend.
//
// Placed is false when that is so because others have placed it. Then it is
// theirs to vouch for: since it was found live it may have been found damaged,
// and somebody may still be placing it anew.
func (l *Library) ready(ctx context.Context, u *Upload, ref blob.Ref) (placed bool, err error) {
	name := blobName{ref.Backend, ref.Digest}
	if !ref.IsInline() {
		// Before the look at the suspects: who deals with those looks at the pins.
		u.release = append(u.release, l.pins.add(name))
	}
	if l.suspects.has(name) {
		if err := l.settle(ctx, name); err != nil {
			return false, err
		}
	}
	if ref.IsInline() {
		return true, l.drains[ref.Backend].admit(ctx, ref.StoredSize)
	}
	return l.place(ctx, u, ref)
}

// confirm verifies a content that the catalog says is in its backend. What it
// finds damaged becomes a suspect, as whenever a reader finds it.
func (l *Library) confirm(ctx context.Context, ref blob.Ref) error {
	var found bool
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		ref, found, err = v.ReadableRef(ref.Backend, ref.Digest)
		return err
	})
	if err != nil || !found {
		return err
	}
	content, err := l.blobs.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer content.Close()
	if ref.Encoding == blob.Deflate {
		_, err = content.Gzip()
	} else {
		_, err = content.Reader()
	}
	return err
}

// place puts a large content into its backend, unless the catalog says that it
// is there: then placed is false. It is pinned, and stays so until the upload is
// closed.
func (l *Library) place(ctx context.Context, u *Upload, ref blob.Ref) (placed bool, err error) {
	if err := l.moves.copies.wait(ctx, blobName{ref.Backend, ref.Digest}); err != nil {
		return false, err
	}
	// The row that keeps the object from being swept away as an orphan, and the
	// bytes on the spool's disk, are made durable side by side.
	var reserved blob.Ref
	var live bool
	var both errgroup.Group
	both.Go(func() error {
		return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
			reserved, live, err = tx.ReserveBlob(ref)
			return err
		})
	})
	both.Go(u.spooled.Sync)
	if err := both.Wait(); err != nil || live {
		return false, err
	}
	return true, l.blobs.Place(ctx, reserved, u.spooled)
}
