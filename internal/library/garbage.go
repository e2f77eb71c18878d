package library

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// GarbageOptions say when garbage is collected.
type GarbageOptions struct {
	Interval time.Duration // between collections in the background; 0: none
	Grace    time.Duration // for which what nothing refers to is kept all the same
}

const (
	// garbageLook is how many blobs or objects are looked at in one view.
	garbageLook = 512

	// garbageDeletes is how many objects are deleted at the same time, and
	// garbageBurst how many before a rest. A file system makes deletions durable
	// with the next fsync of anybody, who waits for all of them.
	garbageDeletes = 4
	garbageBurst   = 32

	// removalPatience is how long a writer waits for the removal of a content
	// that it brings again.
	removalPatience = 10 * time.Second
)

// garbage is what the collections of a library have in common.
type garbage struct {
	options GarbageOptions

	// collecting holds a token while a collection runs.
	collecting chan struct{}
	// removing holds a token from before blobs are claimed until their rows are
	// gone. Whoever holds it and finds a blob that is deleting knows that nobody
	// else is at it, and may delete its object.
	removing chan struct{}
}

func newGarbage(options GarbageOptions) *garbage {
	return &garbage{options: options, collecting: make(chan struct{}, 1), removing: make(chan struct{}, 1)}
}

// take takes the token of a channel. The caller calls done to give it back.
func take(ctx context.Context, token chan struct{}) (done func(), err error) {
	select {
	case token <- struct{}{}:
		return func() { <-token }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// CollectGarbage applies the retention of all collections, and then removes what
// has been referred to by nothing for the time of grace. With now there is no
// grace: what a copy of the catalog refers to that is just being taken may go. It
// waits while another collection runs.
func (s *Session) CollectGarbage(ctx context.Context, now bool) (sheaf.GarbageReport, error) {
	op := s.begin("garbage.collect")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return sheaf.GarbageReport{}, err
	}
	grace := s.library.garbage.options.Grace
	if now {
		grace = 0
	}
	return s.library.collectGarbage(ctx, op, grace)
}

func (l *Library) collectInBackground(ctx context.Context) (more bool, err error) {
	_, err = l.collectGarbage(ctx, l.As(sheaf.Principal{ID: "system"}).begin("garbage.collect"), l.garbage.options.Grace)
	return false, l.unlessAway(err)
}

// A collecting is one collection of garbage that runs. It can end anywhere: the
// catalog says how far each blob has got, and the next one goes on from there.
type collecting struct {
	library *Library
	system  *Session
	grace   time.Duration
	pace    pace
	now     time.Time // when it began, as the catalog has it
	report  sheaf.GarbageReport
}

func (l *Library) collectGarbage(ctx context.Context, op operation, grace time.Duration) (sheaf.GarbageReport, error) {
	done, err := take(ctx, l.garbage.collecting)
	if err != nil {
		return sheaf.GarbageReport{}, err
	}
	defer done()
	g := &collecting{library: l, system: l.As(sheaf.Principal{ID: "system"}), grace: grace, pace: newPace()}
	if g.now, err = l.writerTime(ctx); err != nil {
		return g.report, err
	}
	errs := []error{g.retain(ctx), g.condemn(ctx)}
	for backend := range l.backends { // one that is away must not hold up the others
		if err := l.blobs.Claim(ctx, backend); err != nil {
			errs = append(errs, err) // what looks like garbage there may be another store's
			continue
		}
		errs = append(errs, g.finish(ctx, backend), g.sweep(ctx, backend), g.sweepOrphans(ctx, backend))
	}
	errs = append(errs, g.count(ctx))
	if g.report.DeletedBlobs > 0 || g.report.OrphanObjects > 0 {
		errs = append(errs, l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
			_, err := tx.Append(sheaf.SystemStream, op.entry(withDetail(g.report)))
			return err
		}))
	}
	return g.report, errors.Join(errs...)
}

// batch runs a transaction, and then rests for as long as that took: a collection
// is in no hurry, and the others who write are.
func (g *collecting) batch(ctx context.Context, apply func(*catalog.Tx) error) error {
	started := time.Now()
	if err := g.library.catalog.Mutate(ctx, 0, apply); err != nil {
		return err
	}
	return rest(ctx, started)
}

// pinned reports whether a writer may be about to refer to a blob.
func (l *Library) pinned(b catalog.Blob) bool { return l.pins.has(blobName{b.Backend, b.Digest}) }

// uses calls each with all blobs, some at a time.
func (l *Library) uses(ctx context.Context, each func([]catalog.BlobUse) error) error {
	for after := int64(0); ; {
		started := time.Now()
		var uses []catalog.BlobUse
		err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
			uses, err = v.BlobUses(after, garbageLook)
			return err
		})
		if err != nil || len(uses) == 0 {
			return err
		}
		if err := rest(ctx, started); err != nil {
			return err
		}
		after = uses[len(uses)-1].PK
		if err := each(uses); err != nil {
			return err
		}
	}
}

// condemn condemns the live blobs that nothing refers to.
func (g *collecting) condemn(ctx context.Context) error {
	return g.library.uses(ctx, func(uses []catalog.BlobUse) error {
		candidates := slices.DeleteFunc(uses, func(use catalog.BlobUse) bool {
			return use.Referenced || use.Undrained || use.State != catalog.BlobLive
		})
		for len(candidates) > 0 {
			some := candidates[:min(g.pace.size, len(candidates))]
			candidates = candidates[len(some):]
			var condemned int
			err := g.batch(ctx, func(tx *catalog.Tx) (err error) {
				defer g.pace.begin(len(some))()
				condemned, err = tx.CondemnBlobs(some, g.library.pinned)
				return err
			})
			if err != nil {
				return err
			}
			g.report.CondemnedBlobs += int64(condemned)
		}
		return nil
	})
}

// inTransit calls each with the blobs of a backend that have been in one of some
// states since a time at the latest, some at a time.
func (g *collecting) inTransit(ctx context.Context, backend string, since time.Time, states []catalog.BlobState, each func([]catalog.BlobUse) error) error {
	for _, state := range states {
		for after := (catalog.BlobUse{}); ; {
			var uses []catalog.BlobUse
			err := g.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
				uses, err = v.BlobsInTransit(backend, state, since, after, g.pace.size)
				return err
			})
			if err != nil {
				return err
			}
			if len(uses) == 0 {
				break
			}
			after = uses[len(uses)-1]
			if err := each(uses); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish removes what an earlier collection had claimed when it was cut off.
func (g *collecting) finish(ctx context.Context, backend string) error {
	claimed := []catalog.BlobState{catalog.BlobDeleting}
	return g.inTransit(ctx, backend, g.now, claimed, func(uses []catalog.BlobUse) error {
		return g.remove(ctx, backend, len(uses), func(tx *catalog.Tx) (still []catalog.Blob, err error) {
			return tx.StillDeleting(uses)
		})
	})
}

// sweep removes the blobs that were condemned, or left pending, before the grace.
func (g *collecting) sweep(ctx context.Context, backend string) error {
	// The collection may have condemned them itself; time has passed since it began.
	now, err := g.library.writerTime(ctx)
	if err != nil {
		return err
	}
	since := now.Add(-g.grace)
	states := []catalog.BlobState{catalog.BlobCondemned, catalog.BlobPending}
	return g.inTransit(ctx, backend, since, states, func(uses []catalog.BlobUse) error {
		return g.remove(ctx, backend, len(uses), func(tx *catalog.Tx) ([]catalog.Blob, error) {
			return tx.ClaimGarbage(uses, since, g.library.pinned)
		})
	})
}

// sweepOrphans removes the objects of a backend that the catalog knows nothing
// of, and that are older than the grace.
//
// They are listed before the catalog is asked: who puts an object has made a row
// for it first. A writer who brings such a content later finds the row that
// claims it, and waits.
func (g *collecting) sweepOrphans(ctx context.Context, backend string) error {
	before := time.Now().Add(-g.grace)
	return g.library.orphans(ctx, backend, func(orphans []blob.Info) error {
		refs := make([]blob.Ref, 0, len(orphans))
		for _, orphan := range orphans {
			digest, err := sheaf.ParseDigest(string(orphan.Key))
			if err != nil || orphan.Modified.After(before) {
				continue
			}
			refs = append(refs, blob.Ref{Backend: backend, Digest: digest, Size: orphan.Size, Encoding: blob.Identity, StoredSize: orphan.Size})
		}
		for len(refs) > 0 {
			some := refs[:min(g.pace.size, len(refs))]
			refs = refs[len(some):]
			deleted := g.report.DeletedBlobs
			err := g.remove(ctx, backend, len(some), func(tx *catalog.Tx) ([]catalog.Blob, error) {
				return tx.ClaimOrphans(some)
			})
			g.report.OrphanObjects += g.report.DeletedBlobs - deleted
			g.report.DeletedBlobs = deleted
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// orphans calls each with the objects of a backend of which the catalog knows
// nothing, some at a time.
func (l *Library) orphans(ctx context.Context, backend string, each func([]blob.Info) error) error {
	listed := make([]blob.Info, 0, garbageLook)
	look := func() error {
		started := time.Now()
		var unknown []blob.Info
		err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
			unknown, err = unknownObjects(v, backend, listed)
			return err
		})
		listed = listed[:0]
		if err == nil {
			err = rest(ctx, started)
		}
		if err != nil || len(unknown) == 0 {
			return err
		}
		return each(unknown)
	}
	err := l.blobs.List(ctx, backend, func(info blob.Info) error {
		if listed = append(listed, info); len(listed) == cap(listed) {
			return look()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return look()
}

// unknownObjects returns those of some objects of which the catalog knows nothing.
func unknownObjects(v *catalog.View, backend string, objects []blob.Info) (unknown []blob.Info, err error) {
	for _, object := range objects {
		digest, err := sheaf.ParseDigest(string(object.Key))
		if err != nil {
			continue // it is nothing that Sheaf has put there
		}
		known, err := v.KnowsObject(backend, digest)
		if err != nil {
			return nil, err
		}
		if !known {
			unknown = append(unknown, object)
		}
	}
	return unknown, nil
}

// remove claims some of count blobs of a backend, deletes their objects, and then
// forgets them. From the claim on writers of these contents wait.
func (g *collecting) remove(ctx context.Context, backend string, count int, claim func(*catalog.Tx) ([]catalog.Blob, error)) error {
	started := time.Now()
	removed, err := g.library.remove(ctx, backend, func(tx *catalog.Tx) ([]catalog.Blob, error) {
		defer g.pace.begin(count)()
		return claim(tx)
	})
	for _, b := range removed {
		g.report.DeletedBlobs++
		g.report.DeletedBytes += b.StoredSize
	}
	if err != nil || len(removed) > 0 { // or it has rested between the objects
		return err
	}
	return rest(ctx, started)
}

func (l *Library) remove(ctx context.Context, backend string, claim func(*catalog.Tx) ([]catalog.Blob, error)) (removed []catalog.Blob, err error) {
	done, err := take(ctx, l.garbage.removing)
	if err != nil {
		return nil, err
	}
	defer done()
	if l.away(backend) { // what is claimed cannot be stored again until it is deleted
		return nil, sheaf.Errorf(sheaf.ErrBackendUnavailable, "the storage backend %q is away", backend)
	}
	var claimed []catalog.Blob
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) (err error) {
		claimed, err = claim(tx)
		return err
	})
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	for burst := range slices.Chunk(claimed, garbageBurst) {
		started := time.Now()
		var deleting errgroup.Group
		deleting.SetLimit(garbageDeletes)
		for _, b := range burst {
			deleting.Go(func() error { return l.blobs.Delete(ctx, backend, b.Key()) })
		}
		if err := deleting.Wait(); err != nil {
			return nil, err
		}
		if err := rest(ctx, started); err != nil {
			return nil, err
		}
	}
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error { return tx.ForgetBlobs(claimed) })
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// finishRemoval returns once a content that was being removed is. Should nobody
// be at it any more, because a collection was cut off, it is removed here.
func (l *Library) finishRemoval(ctx context.Context, name blobName) error {
	ctx, cancel := context.WithTimeoutCause(ctx, removalPatience, catalog.ErrDeleting)
	defer cancel()
	_, err := l.remove(ctx, name.backend, func(tx *catalog.Tx) ([]catalog.Blob, error) {
		return tx.Deleting(name.backend, name.digest)
	})
	if err != nil && errors.Is(context.Cause(ctx), catalog.ErrDeleting) {
		return catalog.ErrDeleting
	}
	return err
}

// revive makes a small content that a collection was removing when its backend went
// away live again, in the catalog. Whoever holds the token knows that nobody is
// deleting the object; the drain puts it anew.
func (l *Library) revive(ctx context.Context, ref blob.Ref) error {
	ctx, cancel := context.WithTimeoutCause(ctx, removalPatience, catalog.ErrDeleting)
	defer cancel()
	done, err := take(ctx, l.garbage.removing)
	if err != nil {
		return context.Cause(ctx)
	}
	defer done()
	return l.catalog.Mutate(ctx, int64(len(ref.Inline)), func(tx *catalog.Tx) error {
		_, err := tx.ReviveBlob(ref)
		return err
	})
}

// count counts what the collection has left.
func (g *collecting) count(ctx context.Context) error {
	return g.library.catalog.Read(ctx, func(v *catalog.View) (err error) {
		if g.report.InGraceBlobs, err = v.CountBlobs(catalog.BlobCondemned); err != nil {
			return err
		}
		g.report.PendingBlobs, err = v.CountBlobs(catalog.BlobPending)
		return err
	})
}

// PlanGarbage counts what a collection would find, and removes nothing.
func (s *Session) PlanGarbage(ctx context.Context) (plan sheaf.GarbagePlan, err error) {
	s.begin("garbage.plan")
	if err := s.allow(sheaf.ScopeAdmin); err != nil {
		return plan, err
	}
	l := s.library
	var away []string
	for _, backend := range l.backendNames() {
		err := l.orphans(ctx, backend, func(orphans []blob.Info) error {
			for _, orphan := range orphans {
				plan.OrphanObjects++
				plan.OrphanBytes += orphan.Size
			}
			return nil
		})
		if sheaf.KindOf(err) == sheaf.ErrBackendUnavailable {
			away, err = append(away, backend), nil
		}
		if err != nil {
			return plan, err
		}
	}
	plan.Unavailable = strings.Join(away, ", ")
	now, err := l.writerTime(ctx)
	if err != nil {
		return plan, err
	}
	err = l.uses(ctx, func(uses []catalog.BlobUse) error {
		for _, use := range uses {
			switch {
			case use.State == catalog.BlobPending:
				plan.PendingBlobs++
			case use.State == catalog.BlobDamaged:
				plan.DamagedBlobs++
			case use.Referenced:
			default:
				plan.UnreferencedBlobs++
				plan.UnreferencedBytes += use.StoredSize
				if use.State == catalog.BlobCondemned && use.StateAt.After(now.Add(-l.garbage.options.Grace)) {
					plan.InGraceBlobs++
				}
			}
		}
		return nil
	})
	if err != nil {
		return plan, err
	}
	return plan, l.planRetention(ctx, &plan)
}
