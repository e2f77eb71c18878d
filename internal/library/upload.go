package library

import (
	"context"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// An Upload is a content that has arrived and belongs to no document yet. The
// caller closes it, whatever happens to it.
type Upload struct {
	spooled *blob.Spooled
}

// Receive reads a content to its end, hashes it and holds it until a document
// is made of it. It fails with [sheaf.ErrTooLarge] as soon as the limit is
// passed, with [sheaf.ErrDiskFull], or with the error of body, wrapped.
func (s *Session) Receive(ctx context.Context, body io.Reader) (*Upload, error) {
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
func (u *Upload) Close() error { return u.spooled.Close() }

// place makes an upload's content ready to be named in a commit on a backend. A
// small one rides inside the commit, so that there is nothing to do. A large one
// has to be durable in the backend before.
func (l *Library) place(ctx context.Context, u *Upload, backend string) (blob.Ref, error) {
	ref := u.spooled.Ref()
	ref.Backend = backend
	if name := (blobName{backend, ref.Digest}); l.suspects.has(name) {
		if err := l.settle(ctx, name); err != nil {
			return ref, err
		}
	}
	if ref.IsInline() {
		return ref, nil
	}
	// The row that keeps the object from being swept away as an orphan, and the
	// bytes on the spool's disk, are made durable side by side.
	var live bool
	var both errgroup.Group
	both.Go(func() error {
		return l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
			live, err = tx.ReserveBlob(ref)
			return err
		})
	})
	both.Go(u.spooled.Sync)
	if err := both.Wait(); err != nil || live {
		return ref, err
	}
	return ref, l.blobs.Place(ctx, backend, u.spooled)
}
