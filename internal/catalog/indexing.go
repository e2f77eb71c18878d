package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
)

// metaIndexed is where the listing index has got to: the largest pk it covers.
const metaIndexed = "listing.indexed"

func (v *View) indexedMark() (pk int64, err error) {
	_, err = v.conn.row(`select cast(value as integer) from meta where key = $1`, []any{metaIndexed}, &pk)
	return pk, err
}

// markListingChange notes that the postings of a document are out of date, with
// what they were made from: the oldest state noted is the one that was indexed.
func (tx *Tx) markListingChange(before Head) error {
	return tx.noteListingChange(indexable{
		pk: before.PK, name: before.Name, tags: encodeTags(before.Tags), collection: before.CollectionPK,
	}, `on conflict (document) do nothing`)
}

// listedOtherwise reports whether a change of a document puts its postings out of
// date. A new content does not.
func listedOtherwise(before, after Head) bool {
	return before.Name != after.Name || before.CollectionPK != after.CollectionPK || before.Deleted != after.Deleted ||
		!slices.Equal(before.Tags, after.Tags)
}

func (tx *Tx) noteListingChange(d indexable, onConflict string) error {
	_, err := tx.exec(`insert into listing_changes (document, name, tags, collection) values ($1, $2, $3, $4) `+onConflict,
		d.pk, d.name, d.tags, d.collection)
	return err
}

// An indexable is what the listing index knows of a document.
type indexable struct {
	pk         int64
	name       string
	tags       string // JSON
	collection int64
	rev        int64
	deleted    bool
}

func (d indexable) terms(add func(term string)) error {
	if d.deleted {
		return nil
	}
	tags, err := decodeTags(d.tags)
	if err != nil {
		return err
	}
	documentTerms(d.name, tags, d.collection, add)
	return nil
}

// A postingKey names one stored posting list.
type postingKey struct {
	chunk int64
	term  string
}

// A postingChange is what happens to one posting list.
type postingChange struct {
	clear, set []int // bits; set wins
}

// IndexListing brings the listing index up to date with at most count new and
// count changed documents, in transactions of a few milliseconds so that writers
// hardly wait. It reports whether there is more to do. It must not run twice at
// the same time.
//
// Until its last transaction the documents still count as not covered. So it
// does not matter in which order lists change, nor if it stops halfway.
func (c *Catalog) IndexListing(ctx context.Context, count int) (more bool, err error) {
	var work indexingWork
	if err := c.Snapshot(ctx, func(v *View) error { return work.read(v, count) }); err != nil {
		return false, err
	}
	if len(work.documents) == 0 {
		return false, nil
	}
	changes, err := work.changes()
	if err != nil {
		return false, err
	}
	// In the order of the table, so that neighbours share pages.
	keys := slices.SortedFunc(maps.Keys(changes), func(a, b postingKey) int {
		return cmp.Or(cmp.Compare(a.chunk, b.chunk), cmp.Compare(a.term, b.term))
	})
	const postingsPerTransaction = 128
	for slice := range slices.Chunk(keys, postingsPerTransaction) {
		err := c.Mutate(ctx, 0, func(tx *Tx) error {
			for _, key := range slice {
				if err := tx.changePosting(key, changes[key]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return work.full, c.Mutate(ctx, 0, work.finish)
}

func (tx *Tx) changePosting(key postingKey, change *postingChange) error {
	set, err := tx.posting(key.chunk, key.term)
	if err != nil {
		return err
	}
	if set == nil {
		set = new(bitset)
	}
	for _, bit := range change.clear {
		set.clear(bit)
	}
	for _, bit := range change.set {
		set.set(bit)
	}
	stored := set.encode()
	if len(stored) == 0 {
		_, err = tx.exec(`delete from postings where chunk = $1 and term = $2`, key.chunk, key.term)
		return err
	}
	_, err = tx.exec(`insert into postings (chunk, term, bits) values ($1, $2, $3)
		on conflict (chunk, term) do update set bits = excluded.bits`, key.chunk, key.term, stored)
	return err
}

// indexingWork is one run of [Catalog.IndexListing].
type indexingWork struct {
	from, to  int64       // documents above from and up to to are new
	previous  []indexable // what the lists were made from, of documents that have changed
	documents []indexable // what they are now, the new ones included
	full      bool        // whether count was reached, so that there may be more
}

const indexableColumns = `d.pk, d.name, d.tags, d.collection, d.rev, d.deleted <> 0`

func (d *indexable) into() []any {
	return []any{&d.pk, &d.name, &d.tags, &d.collection, &d.rev, &d.deleted}
}

func (work *indexingWork) read(v *View, count int) (err error) {
	if work.from, err = v.indexedMark(); err != nil {
		return err
	}
	work.to = work.from
	err = v.conn.rows(`select `+indexableColumns+` from documents d where d.pk > $1 order by d.pk limit $2`,
		[]any{work.from, count},
		func(scan func(...any) error) error {
			var d indexable
			err := scan(d.into()...)
			work.documents, work.to = append(work.documents, d), d.pk
			return err
		})
	if err != nil {
		return err
	}
	work.full = len(work.documents) == count
	changed := 0
	err = v.conn.rows(`
		select `+indexableColumns+`, c.name, c.tags, c.collection
		from listing_changes c join documents d on d.pk = c.document
		where d.pk <= $1 order by d.pk limit $2`, []any{work.from, count},
		func(scan func(...any) error) error {
			var now, before indexable
			err := scan(append(now.into(), &before.name, &before.tags, &before.collection)...)
			before.pk = now.pk
			work.previous, work.documents = append(work.previous, before), append(work.documents, now)
			changed++
			return err
		})
	work.full = work.full || changed == count
	return err
}

func (work *indexingWork) changes() (map[postingKey]*postingChange, error) {
	changes := make(map[postingKey]*postingChange)
	at := func(pk int64, term string) *postingChange {
		key := postingKey{chunkOf(pk), term}
		change := changes[key]
		if change == nil {
			change = new(postingChange)
			changes[key] = change
		}
		return change
	}
	for _, d := range work.previous {
		err := d.terms(func(term string) {
			change := at(d.pk, term)
			change.clear = append(change.clear, int(d.pk%chunkSize))
		})
		if err != nil {
			return nil, err
		}
	}
	for _, d := range work.documents {
		err := d.terms(func(term string) {
			change := at(d.pk, term)
			change.set = append(change.set, int(d.pk%chunkSize))
		})
		if err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// finish moves the mark. Documents that have changed since they were read stay
// noted, now with what their lists were just made from.
func (work *indexingWork) finish(tx *Tx) error {
	// A revision names a state together with its collection: the one that a
	// document moves to may be at the very revision of the one it leaves.
	type state struct{ collection, rev int64 }
	noted := make(map[int64]state) // of those that are noted
	err := tx.conn.rows(`
		select d.pk, d.collection, d.rev from listing_changes c join documents d on d.pk = c.document where d.pk <= $1`,
		[]any{work.to},
		func(scan func(...any) error) error {
			var pk int64
			var is state
			err := scan(&pk, &is.collection, &is.rev)
			noted[pk] = is
			return err
		})
	if err != nil {
		return err
	}
	for _, d := range work.documents {
		is, isNoted := noted[d.pk]
		switch {
		case !isNoted:
			continue
		case is == state{d.collection, d.rev}:
			_, err = tx.exec(`delete from listing_changes where document = $1`, d.pk)
		case d.deleted:
			// Its lists were emptied; whatever it has become is added next time.
			_, err = tx.exec(`update listing_changes set name = '', tags = '[]' where document = $1`, d.pk)
		default:
			err = tx.noteListingChange(d, `on conflict (document) do update
				set name = excluded.name, tags = excluded.tags, collection = excluded.collection`)
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.exec(`insert into meta (key, value) values ($1, $2)
		on conflict (key) do update set value = excluded.value`, metaIndexed, strconv.FormatInt(work.to, 10))
	return err
}
