package catalog

import (
	"slices"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// TrashedBefore returns documents of a collection that have been in the trash
// since a time at the latest: those with a pk above after, in order, and at most
// limit.
func (v *View) TrashedBefore(collection *Collection, before time.Time, after int64, limit int) ([]Head, error) {
	var heads []Head
	err := v.conn.rows(`
		select `+headColumns+` from documents d
		where d.collection = $1 and d.deleted = 1 and d.purged = 0 and d.pk > $2 and d.updated_at <= $3
		order by d.pk limit $4`, []any{collection.PK, after, millis(before), limit},
		func(scan func(...any) error) error {
			var s headScan
			if err := scan(s.into()...); err != nil {
				return err
			}
			h, err := s.head(v.catalog)
			heads = append(heads, h)
			return err
		})
	return heads, err
}

// A HistoryLimit says which versions of a collection's documents are to be kept.
type HistoryLimit struct {
	Collection *Collection
	Rev        int64 // what a state refers to that was there after it stays
	Versions   int   // the newest stay, so many of them
}

// historyWalks are the documents to look at, each in the order of an index.
var historyWalks = []string{`deleted = 0`, `deleted = 1 and purged = 0`, `deleted = 2`}

// A HistoryPosition is where a walk over the documents of a collection has got to.
type HistoryPosition struct {
	walk int
	pk   int64
}

// ReplacedVersions looks at the next count documents of a collection and returns
// the pks of those that may have versions which a limit does not keep. It also returns where
// to go on, and whether there is more.
func (v *View) ReplacedVersions(limit HistoryLimit, from HistoryPosition, count int) (pks []int64, next HistoryPosition, more bool, err error) {
	documents := `(select pk, id, version from documents
		where collection = $1 and ` + historyWalks[from.walk] + ` and pk > $2 order by pk limit $3)`
	var looked int
	next = from
	args := []any{limit.Collection.PK, from.pk, count}
	if _, err := v.conn.row(`select count(*), coalesce(max(pk), 0) from `+documents, args, &looked, &next.pk); err != nil {
		return nil, from, false, err
	}
	err = v.conn.rows(`
		select d.pk from `+documents+` d where exists (
			select 1 from versions w where w.document = d.pk and w.n <> d.version and w.purged = 0
				and w.n <= (select max(n) from versions x where x.document = d.pk) - $4)`, append(args, limit.Versions),
		func(scan func(...any) error) error {
			var pk int64
			err := scan(&pk)
			pks = append(pks, pk)
			return err
		})
	if looked < count {
		next = HistoryPosition{walk: from.walk + 1}
	}
	return pks, next, next.walk < len(historyWalks), err
}

// ExpirableVersions returns the versions of a document that a limit does not
// keep, the oldest first: those that can be read, are not the current one, are
// not among the newest, and to which no state refers that was there after the
// limit's revision. A current state of a layer refers to its version too, unless
// it says that the layer's copy was deleted, which nobody can restore. What a
// document was in another collection counts revisions of that one, and stays.
func (v *View) ExpirableVersions(h Head, limit HistoryLimit) ([]sheaf.Version, error) {
	needed := make(map[int]bool)
	err := v.conn.rows(`
		select distinct version from states 
		where document = $1 and (layer = '' or deleted = 0) and (rev_to > $2 or collection <> $3)`,
		[]any{h.PK, limit.Rev, limit.Collection.PK},
		func(scan func(...any) error) error {
			var n int
			err := scan(&n)
			needed[n] = true
			return err
		})
	if err != nil {
		return nil, err
	}
	var versions []sheaf.Version
	err = v.conn.rows(`
		select `+versionColumns+` from versions
		where document = $1 and purged = 0 and n <> $2 and n <= (select max(n) from versions where document = $1) - $3
		order by n`, []any{h.PK, h.Version, limit.Versions},
		func(scan func(...any) error) error {
			version, err := scanVersion(scan)
			versions = append(versions, version)
			return err
		})
	return slices.DeleteFunc(versions, func(v sheaf.Version) bool { return needed[v.Number] }), err
}

// PurgeVersions makes versions of a document unreadable for good.
func (tx *Tx) PurgeVersions(h Head, versions []sheaf.Version) error {
	tx.touched.all = true // they may be remembered, and the document keeps its revision
	for _, version := range versions {
		if _, err := tx.exec(`update versions set purged = 1 where document = $1 and n = $2`, h.PK, version.Number); err != nil {
			return err
		}
	}
	return nil
}
