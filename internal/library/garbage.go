package library

import (
	"context"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// PlanGarbage counts what nothing refers to. It removes nothing.
func (s *Session) PlanGarbage(ctx context.Context) (sheaf.GarbagePlan, error) {
	s.begin("store.plan-garbage")
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
