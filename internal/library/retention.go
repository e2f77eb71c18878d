package library

import (
	"context"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	day = 24 * time.Hour

	// What one transaction of retention does, at most, so that other writers need
	// not wait, and what one entry of the log names.
	purgeCount      = 200
	purgeTexts      = 256 << 10 // bytes of what the log says of the documents
	relationText    = 90        // bytes of what it says of a relation of theirs
	copyText        = 200       // bytes of what it says of a user's copy of one
	expireDocuments = 100
	expireCount     = 500 // versions

	// walkCount is how many documents one look for old versions takes in.
	walkCount = 1000
)

// A retained collection is one of which retention removes something: it is not
// archived, because an archive is there to keep things as they are. One that moves
// to another backend is: the move may take long.
func retained(c *catalog.Collection) bool {
	inUse := c.Status == sheaf.StatusActive || c.Status == sheaf.StatusMigrating
	return inUse && !c.Retention.KeepsEverything()
}

// writerTime returns the time of the catalog. It stands still while the clock has
// been set back, so that nothing is found old that is not.
func (l *Library) writerTime(ctx context.Context) (now time.Time, err error) {
	err = l.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error {
		now = tx.Now()
		return nil
	})
	return now, err
}

// retain applies the retention of every collection.
func (g *collecting) retain(ctx context.Context) error {
	for _, c := range g.library.catalog.AllCollections() {
		if !retained(c) {
			continue
		}
		if c.Retention.TrashDays > 0 {
			if err := g.purgeTrash(ctx, c); err != nil {
				return err
			}
		}
		if c.Retention.HistoryDays > 0 {
			if err := g.expireHistory(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// trashed calls each with the documents of a collection that have been in the
// trash for too long, some at a time.
func (l *Library) trashed(ctx context.Context, c *catalog.Collection, now time.Time, each func([]catalog.Head) error) error {
	before := now.Add(-time.Duration(c.Retention.TrashDays) * day)
	for after := int64(0); ; {
		var heads []catalog.Head
		err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
			heads, err = v.TrashedBefore(c, before, after, purgeCount)
			return err
		})
		if err != nil || len(heads) == 0 {
			return err
		}
		after = heads[len(heads)-1].PK
		if err := each(heads); err != nil {
			return err
		}
	}
}

// purgeTrash purges the documents that have been in the trash of a collection for
// longer than it says.
func (g *collecting) purgeTrash(ctx context.Context, c *catalog.Collection) error {
	return g.library.trashed(ctx, c, g.now, func(heads []catalog.Head) error {
		for len(heads) > 0 {
			var looked, purged int
			err := g.batch(ctx, func(tx *catalog.Tx) (err error) {
				looked, purged, err = g.purge(tx, c.Name, heads)
				return err
			})
			if err != nil {
				return err
			}
			g.report.PurgedDocuments += int64(purged)
			heads = heads[looked:]
		}
		return nil
	})
}

// purge purges the first of some documents, those that are still to be. It
// returns how many it has looked at, and how many it has purged.
func (g *collecting) purge(tx *catalog.Tx, name sheaf.Slug, heads []catalog.Head) (looked, purged int, err error) {
	c, found, err := tx.CurrentCollection(name)
	if err != nil || !found || !retained(c) || c.Retention.TrashDays == 0 {
		return len(heads), 0, err
	}
	before := tx.Now().Add(-time.Duration(c.Retention.TrashDays) * day)
	var severed severedRelations
	entry := g.system.begin("retention.purge").entry()
	for texts := 0; looked < len(heads) && texts+relationText*len(severed) < purgeTexts; looked++ {
		head, found, err := tx.Head(heads[looked].ID)
		if err != nil {
			return 0, 0, err
		}
		if !found || !head.Deleted || head.Purged || head.CollectionPK != c.PK || head.UpdatedAt.After(before) {
			continue
		}
		if err := severed.add(tx, head.ID, head.PK); err != nil {
			return 0, 0, err
		}
		withCopies, err := copies(&tx.View, c, head.PK)
		if err != nil {
			return 0, 0, err
		}
		after := head
		after.Purged = true
		if err := tx.UpdateDocument(head, &after); err != nil {
			return 0, 0, err
		}
		withDocument(head.ID, head.LogState(), nil)(entry)
		known := len(entry.Documents)
		withCopies(entry)
		purged++
		texts += len(head.Description) + len(head.Metadata) + copyText*(len(entry.Documents)-known)
	}
	if purged > 0 {
		severed.detail(map[string]any{"retention": c.Retention})(entry)
		appended, err := tx.Append(string(c.Name), entry)
		if err != nil {
			return 0, 0, err
		}
		err = severed.record(tx, appended.ID)
		return looked, purged, err
	}
	return looked, 0, nil
}

// historyLimit returns which versions a collection keeps.
func historyLimit(v *catalog.View, c *catalog.Collection, now time.Time) (catalog.HistoryLimit, error) {
	rev, err := v.RevAt(string(c.Name), now.Add(-time.Duration(c.Retention.HistoryDays)*day))
	return catalog.HistoryLimit{Collection: c, Rev: rev, Versions: c.Retention.HistoryVersions}, err
}

// An expirable document has versions that its collection does not keep any longer.
type expirable struct {
	head     catalog.Head
	versions []sheaf.Version
}

// expirableOf returns what the collection of a document does not keep of it.
func expirableOf(v *catalog.View, limit catalog.HistoryLimit, document int64) (e expirable, err error) {
	var found bool
	e.head, found, err = v.HeadOf(document)
	if err != nil || !found || e.head.Purged || e.head.CollectionPK != limit.Collection.PK {
		return expirable{}, err
	}
	e.versions, err = v.ExpirableVersions(e.head, limit)
	return e, err
}

// replaced calls each with the documents of a collection that have versions it
// does not keep any longer, some at a time. It looks at every document.
func (l *Library) replaced(ctx context.Context, c *catalog.Collection, now time.Time, each func([]expirable) error) error {
	var at catalog.HistoryPosition
	for more := true; more; {
		var found []expirable
		err := l.catalog.Read(ctx, func(v *catalog.View) error {
			limit, err := historyLimit(v, c, now)
			if err != nil {
				return err
			}
			var pks []int64
			if pks, at, more, err = v.ReplacedVersions(limit, at, walkCount); err != nil {
				return err
			}
			for _, pk := range pks {
				e, err := expirableOf(v, limit, pk)
				if err != nil {
					return err
				}
				if len(e.versions) > 0 {
					found = append(found, e)
				}
			}
			return nil
		})
		if err == nil && len(found) > 0 {
			err = each(found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// expireHistory purges the versions that a collection does not keep any longer.
func (g *collecting) expireHistory(ctx context.Context, c *catalog.Collection) error {
	return g.library.replaced(ctx, c, g.now, func(found []expirable) error {
		for len(found) > 0 {
			var looked, expired int
			err := g.batch(ctx, func(tx *catalog.Tx) (err error) {
				looked, expired, err = g.expire(tx, c.Name, found)
				return err
			})
			if err != nil {
				return err
			}
			g.report.ExpiredVersions += int64(expired)
			found = found[looked:]
		}
		return nil
	})
}

// An expiredDocument is what the log says of a document some of whose versions
// were purged.
type expiredDocument struct {
	ID       sheaf.DocumentID `json:"document_id"`
	Versions []int            `json:"versions"`
}

// expire purges versions of the first of some documents, those that are still not
// kept. It returns with how many documents it is done, and how many versions it
// has purged.
func (g *collecting) expire(tx *catalog.Tx, name sheaf.Slug, found []expirable) (done, expired int, err error) {
	c, ok, err := tx.CurrentCollection(name)
	if err != nil || !ok || !retained(c) || c.Retention.HistoryDays == 0 {
		return len(found), 0, err
	}
	limit, err := historyLimit(&tx.View, c, tx.Now())
	if err != nil {
		return 0, 0, err
	}
	var documents []expiredDocument
	for done < len(found) && len(documents) < expireDocuments && expired < expireCount {
		e, err := expirableOf(&tx.View, limit, found[done].head.PK)
		if err != nil {
			return 0, 0, err
		}
		some := e.versions[:min(len(e.versions), expireCount-expired)]
		if err := tx.PurgeVersions(e.head, some); err != nil {
			return 0, 0, err
		}
		if len(some) > 0 {
			document := expiredDocument{ID: e.head.ID}
			for _, version := range some {
				document.Versions = append(document.Versions, version.Number)
			}
			documents = append(documents, document)
			expired += len(some)
		}
		if len(some) == len(e.versions) {
			done++
		}
	}
	if expired > 0 {
		_, err = tx.Append(string(c.Name), g.system.begin("retention.expire").entry(withDetail(map[string]any{
			"documents": documents, "retention": c.Retention,
		})))
	}
	return done, expired, err
}

// planRetention counts what retention would do now.
func (l *Library) planRetention(ctx context.Context, plan *sheaf.GarbagePlan) error {
	now, err := l.writerTime(ctx)
	if err != nil {
		return err
	}
	for _, c := range l.catalog.AllCollections() {
		if !retained(c) {
			continue
		}
		if c.Retention.TrashDays > 0 {
			err = l.trashed(ctx, c, now, func(heads []catalog.Head) error {
				plan.PurgeableDocuments += int64(len(heads))
				for _, head := range heads {
					plan.ExpirableBytes += head.Size
				}
				return nil
			})
		}
		if err == nil && c.Retention.HistoryDays > 0 {
			err = l.replaced(ctx, c, now, func(found []expirable) error {
				for _, e := range found {
					plan.ExpirableVersions += int64(len(e.versions))
					for _, version := range e.versions {
						plan.ExpirableBytes += version.Size
					}
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
