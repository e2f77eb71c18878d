package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// LatestRev returns the revision of a stream's latest entry, 0 when it has none.
func (v *View) LatestRev(stream string) (rev int64, err error) {
	_, err = v.conn.row(`select coalesce(max(rev), 0) from log where stream = $1`, []any{stream}, &rev)
	return rev, err
}

// RevAt returns the revision of a stream at a time: that of its latest entry
// until then, 0 before the first.
func (v *View) RevAt(stream string, at time.Time) (rev int64, err error) {
	// Times grow with revisions, which have no gaps.
	low := int64(0)
	high, err := v.LatestRev(stream) // the answer is in [low, high]
	if err != nil {
		return 0, err
	}
	for low < high {
		middle := low + (high-low+1)/2
		var then int64
		found, err := v.conn.row(`select at from log where stream = $1 and rev = $2`, []any{stream, middle}, &then)
		if err != nil {
			return 0, err
		}
		if !found {
			return 0, fmt.Errorf("the log of %s lacks revision %d", stream, middle)
		}
		if then <= millis(at) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// pastColumns are the columns of a document in a past state. They need the
// joins of pastJoins, of which the first is a cross join to keep the engine from
// looking up log entries of states before it knows that they are wanted.
const pastColumns = `d.pk, d.id, s.collection, s.path, s.name, s.filename, s.description, s.tags, s.metadata,
	s.version, coalesce(v.digest, zeroblob(32)), coalesce(v.size, 0), coalesce(v.mime, ''), d.created_at, l.at, s.stay, s.rev_from,
	s.deleted, d.purged, coalesce(v.purged, 0)`

const pastJoins = `
	cross join collections c on c.pk = s.collection
	join log l on l.stream = c.name and l.rev = s.rev_from
	left join versions v on v.document = s.document and v.n = s.version`

// HeadAtRev returns what a document was at a revision of the collection that it
// is in now, deleted or not; found is false when it was not in there.
func (v *View) HeadAtRev(now Head, rev int64) (Head, bool, error) {
	return v.headInStays(now, func(collection *Collection) (int64, bool, error) {
		return rev, collection.PK == now.CollectionPK, nil
	})
}

// HeadAtTime returns what a document was at a time, deleted or not, in whichever
// collection that was; found is false when it was not there yet.
func (v *View) HeadAtTime(now Head, at time.Time) (Head, bool, error) {
	return v.headInStays(now, func(collection *Collection) (int64, bool, error) {
		rev, err := v.RevAt(string(collection.Name), at)
		return rev, true, err
	})
}

// headInStays looks for a past state through the stays of a document, from the
// present one back, at the revision that wanted gives for the collection of each.
func (v *View) headInStays(now Head, wanted func(*Collection) (rev int64, look bool, err error)) (h Head, found bool, err error) {
	for stay := now.Stay; stay >= 0; stay-- {
		collection, err := v.stayed(now, stay)
		if err != nil {
			return Head{}, false, err
		}
		rev, look, err := wanted(collection)
		if err != nil {
			return Head{}, false, err
		}
		if !look {
			continue
		}
		if h, found, err = v.headInStay(now.PK, stay, rev); found || err != nil {
			return h, found, err
		}
	}
	return Head{}, false, nil
}

// stayed returns the collection that a document was in during one of its stays.
func (v *View) stayed(h Head, stay int) (*Collection, error) {
	var pk int64
	_, err := v.conn.row(`
		select collection from states where document = $1 and layer = '' and stay = $2 order by rev_from limit 1`,
		[]any{h.PK, stay}, &pk)
	if err != nil {
		return nil, err
	}
	collection, ok := v.catalog.collections.all.Load().byPK[pk]
	if !ok {
		return nil, fmt.Errorf("the document %s was in a collection that does not exist (%d)", h.ID, pk)
	}
	return collection, nil
}

// headInStay returns what a document was at a revision of the collection that it
// was in during a stay; found is false when it had not come yet, or had left.
func (v *View) headInStay(document int64, stay int, rev int64) (h Head, found bool, err error) {
	var s headScan
	found, err = v.conn.row(`
		select `+pastColumns+` from documents d
		join states s on s.document = d.pk and s.layer = '' and s.stay = $2 and s.rev_from <= $3 and s.rev_to > $3`+pastJoins+`
		where d.pk = $1`, []any{document, stay, rev}, s.into()...)
	if err != nil || !found {
		return Head{}, false, err
	}
	h, err = s.head(v.catalog)
	return h, true, err
}

// ListDocumentsAt lists as [View.ListDocuments] does what there was at a revision
// of each collection, given by the collections' pks. The listing index knows the
// present only, so every document is looked at until the page is full.
func (v *View) ListDocumentsAt(ctx context.Context, filter DocumentFilter, revisions map[int64]int64, from *Position, limit int) (page []Head, next *Position, err error) {
	walk := listingWalk{ctx: ctx, view: v, filter: filter, folded: foldName(filter.Name), from: from, limit: limit}
	if walk.upper, err = v.listingStart(filter, from); err != nil {
		return nil, nil, err
	}
	wanted, err := json.Marshal(revisions)
	if err != nil {
		return nil, nil, err
	}
	// A cross join keeps the engine to this order of the tables: the documents by
	// pk, until the page is full, and of each the states up to its revision. Only
	// documents that have moved may have been in another collection than now.
	err = walk.offerRows(`
		with wanted as materialized (select cast(key as integer) as collection, value as rev from json_each($1))
		select `+pastColumns+` from documents d
		cross join states s on s.document = d.pk and s.layer = '' and s.deleted = 0
		cross join wanted w on w.collection = s.collection and s.rev_from <= w.rev and s.rev_to > w.rev`+pastJoins+`
		where d.purged = 0 and d.pk <= $2 and (d.stay > 0 or d.collection in (select collection from wanted))
		order by d.pk desc`, string(wanted), walk.upper)
	if err != nil && err != errPageFull {
		return nil, nil, err
	}
	page, next = walk.page()
	return page, next, nil
}

// Versions returns versions of a document, the newest first: those below before,
// or all when before is 0, and at most limit.
func (v *View) Versions(document int64, before, limit int) ([]sheaf.Version, error) {
	versions := []sheaf.Version{}
	err := v.conn.rows(`
		select `+versionColumns+` from versions
		where document = $1 and ($2 = 0 or n < $2) order by n desc limit $3`, []any{document, before, limit},
		func(scan func(...any) error) error {
			version, err := scanVersion(scan)
			versions = append(versions, version)
			return err
		})
	return versions, err
}

// DocumentLog returns the log entries that made the states of a document, in the
// base and in layers, or are about its relations, the newest first, in whichever
// collection: those with an id below before, or all when before is 0, and at most
// limit. Of the two entries of a move it is that of the collection that the
// document came to.
func (v *View) DocumentLog(document, before int64, limit int) ([]sheaf.LogEntry, error) {
	return v.logEntries(`
		with
		made as (
			select l.id
			from (select distinct collection, stay, rev_from from states where document = $1) s -- one entry may make states in several layers
			join collections c on c.pk = s.collection
			join log l on l.stream = c.name and l.rev = s.rev_from
			where $2 = 0 or l.id < $2
			order by s.stay desc, s.rev_from desc limit $3),
		related as (
			select entry from relation_entries where document = $1 and ($2 = 0 or entry < $2)
			order by entry desc limit $3)
		select id, stream, rev, at, principal, label, op, status, payload, prev, hash
		from log where id in (select id from made union select entry from related)
		order by id desc limit $3`, document, before, limit)
}

// StreamLog returns entries of a stream, the newest first: those with a revision
// below before, or all when before is 0, and at most limit.
func (v *View) StreamLog(stream string, before int64, limit int) ([]sheaf.LogEntry, error) {
	return v.logEntries(`
		select id, stream, rev, at, principal, label, op, status, payload, prev, hash
		from log where stream = $1 and ($2 = 0 or rev < $2) order by rev desc limit $3`, stream, before, limit)
}

func (v *View) logEntries(query string, args ...any) ([]sheaf.LogEntry, error) {
	entries := []sheaf.LogEntry{}
	err := v.conn.rows(query, args, func(scan func(...any) error) error {
		e, err := scanLogEntry(scan)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

// Trash returns documents of a collection that are deleted and not purged, the
// newest first: those with a pk below before, or all when before is 0, and at
// most limit.
func (v *View) Trash(collection *Collection, before int64, limit int) ([]Head, error) {
	return v.heads(`
		select `+headColumns+` from documents d
		where d.collection = $1 and d.deleted = 1 and d.purged = 0 and ($2 = 0 or d.pk < $2)
		order by d.pk desc limit $3`, collection.PK, before, limit)
}

// LatestVersionWith returns the newest version of a document that has a content
// and is not purged.
func (v *View) LatestVersionWith(document int64, digest sheaf.Digest) (n int, found bool, err error) {
	found, err = v.conn.row(`select n from versions where document = $1 and digest = $2 and purged = 0 order by n desc limit 1`,
		[]any{document, digest[:]}, &n)
	return n, found, err
}
