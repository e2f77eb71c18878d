package library

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A copying is some blobs on their way to another backend.
//
// A copy is good when it was read back from the backend and has the digest of the
// content: what a backend says of what it has stored is not asked. So every byte
// is hashed once, and it is the byte that will be read from now on. That is
// before anything refers to it.
type copying struct {
	library  *Library
	sources  []blob.Ref
	copies   []blob.Ref
	outcomes []copyOutcome
}

// A copyOutcome says what has become of one of the blobs.
type copyOutcome int

const (
	copyGood       copyOutcome = iota // copied, and read back
	copyThere                         // somebody else's copy was there, and read back
	copyUnreadable                    // the source is not what it should be
	copyBad                           // a copy that was there is not what it should be
)

// reserve makes rows for the copies. What is there already by now is not copied.
func (c *copying) reserve(ctx context.Context) error {
	return c.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		c.outcomes = make([]copyOutcome, len(c.copies))
		for i, ref := range c.copies {
			if ref.StoredSize == 0 {
				continue // nothing has no object
			}
			var live bool
			var err error
			if c.copies[i], live, err = tx.ReserveBlob(ref); err != nil {
				return err
			}
			if live {
				c.outcomes[i] = copyThere
			}
		}
		return nil
	})
}

// run copies the blobs and reads them back.
func (c *copying) run(ctx context.Context) error {
	working, ctx := errgroup.WithContext(ctx)
	working.SetLimit(c.library.moves.options.Parallel)
	var small []int
	var bytes int64
	flush := func() {
		group := small
		small, bytes = nil, 0
		working.Go(func() error { return c.copySmall(ctx, group) })
	}
	for i, ref := range c.copies {
		switch {
		case ref.StoredSize == 0:
		case c.outcomes[i] == copyThere:
			working.Go(func() error { return c.verifyThere(ctx, i) })
		case ref.StoredSize > moveSmall:
			working.Go(func() error { return c.copyOne(ctx, i) })
		default:
			small, bytes = append(small, i), bytes+ref.StoredSize
			if len(small) == moveGroup || bytes >= moveGroupBytes {
				flush()
			}
		}
	}
	if len(small) > 0 {
		flush()
	}
	return working.Wait()
}

// copySmall copies some small blobs together, or, when one of them cannot be read,
// each.
func (c *copying) copySmall(ctx context.Context, group []int) error {
	sources, copies := make([]blob.Ref, len(group)), make([]blob.Ref, len(group))
	for i, n := range group {
		sources[i], copies[i] = c.sources[n], c.copies[n]
	}
	scratch := c.library.moves.scratch.Get().(*[]byte)
	defer c.library.moves.scratch.Put(scratch)
	err := c.library.blobs.CopySmall(ctx, sources, copies, *scratch)
	for _, n := range group {
		switch {
		case sheaf.KindOf(err) == sheaf.ErrDamaged:
			if err := c.copyOne(ctx, n); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if err := c.readBack(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *copying) copyOne(ctx context.Context, n int) error {
	if err := c.library.blobs.Copy(ctx, c.sources[n], c.copies[n]); err != nil {
		return c.blame(ctx, n, err)
	}
	return c.readBack(ctx, n)
}

// readBack verifies a copy.
func (c *copying) readBack(ctx context.Context, n int) error {
	copied := c.copies[n]
	err := c.library.blobs.Verify(ctx, copied)
	if sheaf.KindOf(err) != sheaf.ErrDamaged {
		return err
	}
	// Put aside first: what is there already is taken for what is put.
	if err := c.library.blobs.Quarantine(ctx, copied.Backend, copied.Key()); err != nil {
		return err
	}
	return c.blame(ctx, n, sheaf.Errorf(sheaf.ErrBackendUnavailable, "the backend %s gives back other bytes than were put into it", copied.Backend))
}

// blame decides whether a copy failed because its source cannot be read. Otherwise
// it returns the error.
func (c *copying) blame(ctx context.Context, n int, err error) error {
	if verified := c.library.blobs.Verify(ctx, c.sources[n]); sheaf.KindOf(verified) == sheaf.ErrDamaged {
		c.outcomes[n] = copyUnreadable
		return nil
	}
	return err
}

// verifyThere verifies a copy that somebody else has put there.
func (c *copying) verifyThere(ctx context.Context, n int) error {
	var there blob.Ref
	var found bool
	err := c.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		there, found, err = v.ReadableRef(c.copies[n].Backend, c.copies[n].Digest)
		return err
	})
	if err != nil {
		return err
	}
	if found {
		err = c.library.blobs.Verify(ctx, there)
	}
	if !found || sheaf.KindOf(err) == sheaf.ErrDamaged {
		c.outcomes[n] = copyBad // the next pass finds it again
		return c.library.settle(ctx, blobName{c.copies[n].Backend, c.copies[n].Digest})
	}
	return err
}

// keep makes the good copies live, and counts them.
func (c *copying) keep(tx *catalog.Tx, collection *catalog.Collection) error {
	var done catalog.MoveStep
	for i, ref := range c.copies {
		switch c.outcomes[i] {
		case copyGood:
			if _, err := tx.KeepBlob(ref); err != nil {
				return fmt.Errorf("keep the copy of %s: %w", ref.Digest, err)
			}
			done.Copied++
			done.CopiedBytes += ref.Size
		case copyThere:
			done.Verified++
		}
	}
	return tx.AddMoveStep(collection, done)
}
