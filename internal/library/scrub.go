package library

import (
	"context"
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
	after   int64 // the blob it has got to
}

// run verifies the next blobs. It reports false at the end of a round.
func (s *scrubber) run(ctx context.Context) (more bool, err error) {
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
		if err := s.verify(ctx, b.Ref); err != nil {
			return false, err
		}
		s.after = b.PK
		pause := time.Duration(float64(b.StoredSize) / float64(s.rate) * float64(time.Second))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	if len(blobs) < scrubSlice {
		s.after = 0
		return false, nil
	}
	return true, nil
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
	switch err := s.library.blobs.Verify(ctx, ref); {
	case sheaf.KindOf(err) == sheaf.ErrDamaged:
		return nil
	case err != nil || state == catalog.BlobLive:
		return err
	}
	op := s.library.As(sheaf.Principal{ID: "system"}).begin("blob.recover")
	return s.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		if recovered, err := tx.RecoverBlob(ref.Backend, ref.Digest); err != nil || !recovered {
			return err
		}
		_, err := tx.Append(sheaf.SystemStream, op.entry(withDetail(map[string]any{
			"digest": ref.Digest, "storage_backend": ref.Backend,
		})))
		return err
	})
}
