package library

import (
	"context"
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// Check compares the catalog with itself, its log with the log's chain, and every
// blob with what its backend holds. Quick, it looks at sizes; full, it reads
// every byte. It repairs nothing; what it finds damaged is put aside as whenever a
// reader finds it.
func (s *Session) Check(ctx context.Context, full bool) (sheaf.CheckReport, error) {
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.CheckReport{}, err
	}
	report := sheaf.CheckReport{Full: full, Problems: []sheaf.Problem{}}
	problem := func(area, message string, documents ...sheaf.DocumentID) {
		report.Problems = append(report.Problems, sheaf.Problem{Area: area, Message: message, Documents: documents})
	}
	counts, err := s.library.catalog.Check(ctx, full, problem)
	if err != nil {
		return report, err
	}
	report.Documents, report.Versions, report.LogEntries = counts.Documents, counts.Versions, counts.LogEntries
	return report, s.library.checkBlobs(ctx, &report)
}

// checkBlobs looks at the blobs in slices, so that a long check holds no
// snapshot of the catalog.
func (l *Library) checkBlobs(ctx context.Context, report *sheaf.CheckReport) error {
	const slice = 256
	for after := int64(0); ; {
		var blobs []catalog.Blob
		err := l.catalog.Read(ctx, func(v *catalog.View) error {
			return v.Blobs(after, slice, func(b catalog.Blob) error {
				blobs = append(blobs, b)
				return nil
			})
		})
		if err != nil || len(blobs) == 0 {
			return err
		}
		for _, b := range blobs {
			after = b.PK
			if !b.State.Readable() {
				continue
			}
			report.Blobs++
			if err := l.checkBlob(ctx, b.Ref, report); err != nil {
				return err
			}
		}
	}
}

func (l *Library) checkBlob(ctx context.Context, ref blob.Ref, report *sheaf.CheckReport) error {
	// The row as it is now: the drain may have moved the bytes meanwhile.
	var found bool
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		ref, found, err = v.ReadableRef(ref.Backend, ref.Digest)
		return err
	})
	if err != nil || !found {
		return err
	}
	if report.Full || ref.IsInline() {
		err = l.blobs.Verify(ctx, ref)
		report.BytesRead += ref.StoredSize
	} else {
		err = l.checkObject(ctx, ref)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	problem := sheaf.Problem{Area: "blobs", Message: fmt.Sprintf("the content %s on %s: %s", ref.Digest, ref.Backend, err)}
	err = l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		problem.Documents, err = v.Affected(ref.Backend, ref.Digest)
		return err
	})
	report.Problems = append(report.Problems, problem)
	return err
}

func (l *Library) checkObject(ctx context.Context, ref blob.Ref) error {
	info, err := l.blobs.Stat(ctx, ref.Backend, ref.Key())
	if err == nil && info.Size != ref.StoredSize {
		err = sheaf.Errorf(sheaf.ErrDamaged, "the stored object has %d bytes, %d were written", info.Size, ref.StoredSize)
	}
	return err
}

// PlanGarbage counts what nothing refers to. It removes nothing.
func (s *Session) PlanGarbage(ctx context.Context) (sheaf.GarbagePlan, error) {
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.GarbagePlan{}, err
	}
	l := s.library
	var plan sheaf.GarbagePlan
	// Objects first, rows after: an object whose row is made meanwhile is known by then.
	type object struct {
		backend string
		info    blob.Info
	}
	var objects []object
	for backend := range l.backends {
		err := l.blobs.List(ctx, backend, func(info blob.Info) error {
			objects = append(objects, object{backend, info})
			return nil
		})
		if err != nil {
			return plan, err
		}
	}
	known := make(map[string]map[blob.Key]bool)
	err := l.catalog.Snapshot(ctx, func(v *catalog.View) error {
		err := v.UnreferencedBlobs(func(b catalog.Blob) error {
			plan.UnreferencedBlobs++
			plan.UnreferencedBytes += b.StoredSize
			return nil
		})
		if err != nil {
			return err
		}
		return v.Blobs(0, -1, func(b catalog.Blob) error {
			if b.State == catalog.BlobPending {
				plan.PendingBlobs++
			}
			if known[b.Backend] == nil {
				known[b.Backend] = make(map[blob.Key]bool)
			}
			known[b.Backend][b.Key()] = true
			return nil
		})
	})
	for _, o := range objects {
		if !known[o.backend][o.info.Key] {
			plan.OrphanObjects++
			plan.OrphanBytes += o.info.Size
		}
	}
	return plan, err
}
