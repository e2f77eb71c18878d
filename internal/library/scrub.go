package library

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// scrubSlice is how many blobs one run of the scrubber looks up.
const scrubSlice = 64

// scrubber re-reads every stored byte in the background, slowly, round after
// round, so that damage is found while another copy may still exist.
type scrubber struct {
	library *Library
	rate    int64 // stored bytes a second
	begun   bool
	wrapped bool  // whether it has been at the end
	after   int64 // the blob it has got to
}

// run verifies the next blobs. It reports false at the end of a round.
func (s *scrubber) run(ctx context.Context) (more bool, err error) {
	if !s.begun {
		// Anywhere: a store that is restarted often would else never get to its end.
		if s.after, err = s.somewhere(ctx); err != nil {
			return false, err
		}
		s.begun = true
	}
	var blobs []catalog.Blob
	err = s.library.catalog.Read(ctx, func(v *catalog.View) error {
		return v.Blobs(s.after, scrubSlice, func(b catalog.Blob) error {
			blobs = append(blobs, b)
			return nil
		})
	})
	if err != nil {
		return false, err
	}
	for _, b := range blobs {
		s.after = b.PK
		if s.library.away(b.Backend) {
			continue // the next round will find it
		}
		if err := s.verify(ctx, b.Ref); err != nil && ctx.Err() == nil {
			// One that cannot be read now must not hide those behind it.
			s.library.log.Warn("a stored content could not be verified", "digest", b.Digest, "backend", b.Backend, "error", err)
		}
		pause := time.Duration(float64(b.StoredSize) / float64(s.rate) * float64(time.Second))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	if len(blobs) < scrubSlice {
		partial := !s.wrapped
		s.after, s.wrapped = 0, true
		return partial, nil // the first round began in the middle
	}
	return true, nil
}

// somewhere returns a random place among the blobs.
func (s *scrubber) somewhere(ctx context.Context) (after int64, err error) {
	err = s.library.catalog.Read(ctx, func(v *catalog.View) error {
		last, err := v.LastBlob()
		after = rand.Int64N(last + 1)
		return err
	})
	return after, err
}

// verify reads one blob. Damage is reported by the blob store as to any reader;
// a blob that was damaged or missing and is whole again is said to be so.
func (s *scrubber) verify(ctx context.Context, ref blob.Ref) error {
	var state catalog.BlobState
	err := s.library.catalog.Read(ctx, func(v *catalog.View) error {
		b, _, err := v.Blob(ref.Backend, ref.Digest)
		ref, state = b.Ref, b.State
		return err
	})
	if err != nil || !state.Readable() {
		return err
	}
	err = s.library.blobs.Verify(ctx, ref)
	if sheaf.KindOf(err) == sheaf.ErrDamaged && state == catalog.BlobDamaged {
		err = s.library.giveBack(ctx, ref, err)
	}
	switch {
	case sheaf.KindOf(err) == sheaf.ErrDamaged:
		return nil
	case err != nil || state == catalog.BlobLive:
		return err
	}
	return s.library.recover(ctx, ref)
}

// giveBack looks whether the copy of a damaged blob that was put aside is whole,
// which it is when only the way to it was not. It returns nil if so, and damage
// if there is no such copy.
//
// Meanwhile the blob is a suspect, so that no writer takes the copy for what it
// stores.
func (l *Library) giveBack(ctx context.Context, ref blob.Ref, damage error) error {
	blobs, key, name := l.blobs, ref.Key(), blobName{ref.Backend, ref.Digest}
	done, err := take(ctx, l.suspects.dealing)
	if err != nil {
		return err
	}
	defer done()
	l.suspects.add(name)
	defer l.suspects.remove(name)
	if l.pins.has(name) {
		return damage // somebody is just storing it anew
	}
	switch err := blobs.Unquarantine(ctx, ref.Backend, key); {
	case sheaf.KindOf(err) == sheaf.ErrNotFound:
		return damage
	case err != nil:
		return err
	}
	err = blobs.Verify(ctx, ref)
	if sheaf.KindOf(err) == sheaf.ErrDamaged {
		return errors.Join(err, blobs.Quarantine(ctx, ref.Backend, key))
	}
	return err
}
