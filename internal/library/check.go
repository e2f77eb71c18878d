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
	s.begin("store.check")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.CheckReport{}, err
	}
	report := &checkReport{CheckReport: sheaf.CheckReport{Full: full, Problems: []sheaf.Problem{}}}
	counts, err := s.library.catalog.Check(ctx, full, func(area, message string, documents ...sheaf.DocumentID) {
		report.add(sheaf.Problem{Area: area, Message: message, Documents: documents})
	})
	if err != nil {
		return report.CheckReport, err
	}
	report.Documents, report.Versions, report.LogEntries = counts.Documents, counts.Versions, counts.LogEntries
	err = s.library.checkBlobs(ctx, report)
	report.finish()
	return report.CheckReport, err
}

// maxProblems is how many problems a report describes; the rest it counts. A
// table that is lost makes one for every document.
const maxProblems = 1000

// A checkReport is a report that is being made.
type checkReport struct {
	sheaf.CheckReport
	omitted int
}

func (r *checkReport) add(p sheaf.Problem) {
	if len(r.Problems) >= maxProblems {
		r.omitted++
		return
	}
	r.Problems = append(r.Problems, p)
}

func (r *checkReport) finish() {
	if r.omitted > 0 {
		r.Problems = append(r.Problems, sheaf.Problem{Area: "catalog", Message: fmt.Sprintf("%d more problems", r.omitted)})
	}
}

// checkBlobs looks at the blobs in slices, so that a long check holds no
// snapshot of the catalog.
func (l *Library) checkBlobs(ctx context.Context, report *checkReport) error {
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

func (l *Library) checkBlob(ctx context.Context, ref blob.Ref, report *checkReport) error {
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
	report.add(problem)
	return err
}

func (l *Library) checkObject(ctx context.Context, ref blob.Ref) error {
	info, err := l.blobs.Stat(ctx, ref.Backend, ref.Key())
	if err == nil && info.Size != ref.ObjectSize() {
		err = sheaf.Errorf(sheaf.ErrDamaged, "the stored object has %d bytes, %d were written", info.Size, ref.ObjectSize())
	}
	return err
}
