package library

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// ReportDamage takes note of a blob whose stored bytes are not what was written,
// to be put aside in the background. It is what the blob store calls from
// whatever reads, so it does not wait: when many blobs are found at once, those
// that do not fit are found again by the next reader.
func (l *Library) ReportDamage(ref blob.Ref, err error) {
	l.log.Error("a stored content is damaged", "digest", ref.Digest, "backend", ref.Backend, "error", err)
	select {
	case l.damage <- ref:
	default:
	}
}

// quarantineNext waits for a damaged blob and puts it aside.
func (l *Library) quarantineNext(ctx context.Context) (more bool, err error) {
	select {
	case ref := <-l.damage:
		return true, l.quarantine(ctx, ref)
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// quarantine puts a damaged blob aside, so that it is never served and the next
// upload of the same content heals it, and records which documents it hits.
func (l *Library) quarantine(ctx context.Context, ref blob.Ref) error {
	op := l.As(sheaf.Principal{ID: "system"}).begin("blob.quarantine")
	var marked bool
	err := l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		if marked, err = tx.DamageBlob(ref.Backend, ref.Digest); err != nil || !marked {
			return err
		}
		affected, err := tx.Affected(ref.Backend, ref.Digest)
		if err != nil {
			return err
		}
		_, err = tx.Append(sheaf.SystemStream, op.entry(withDetail(map[string]any{
			"digest": ref.Digest, "storage_backend": ref.Backend, "affected": affected,
		})))
		return err
	})
	if err != nil || !marked {
		return err
	}
	return l.blobs.Quarantine(ctx, ref.Backend, ref.Key())
}
