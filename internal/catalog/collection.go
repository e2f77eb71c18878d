package catalog

import (
	"encoding/json"
	"errors"
	"sync/atomic"

	"github.com/sheaf-dev/sheaf"
)

// A Collection is a collection as the catalog has it.
type Collection struct {
	PK int64
	sheaf.Collection
	Book    sheaf.BookSettings // of a book
	Deleted bool               // kept for its documents, which are purged, and its stream

	// Second is the other backend of a collection that moves, Moving how far it
	// is: both are empty when it does not.
	Second string
	Moving sheaf.MovePhase
}

// collectionCache holds all collections in memory: there are few, and almost
// every operation needs one. By name it knows those that are not deleted. It is replaced as a whole after a commit that
// changes one.
type collectionCache struct {
	all atomic.Pointer[collectionSet]
}

type collectionSet struct {
	byName map[sheaf.Slug]*Collection
	byPK   map[int64]*Collection
}

func (cache *collectionCache) load(c *conn) error {
	set := &collectionSet{byName: make(map[sheaf.Slug]*Collection), byPK: make(map[int64]*Collection)}
	err := c.rows(`select `+collectionColumns+` from collections`, nil,
		func(scan func(...any) error) error {
			var row collectionScan
			if err := scan(row.into()...); err != nil {
				return err
			}
			collection, err := row.collection()
			set.byPK[collection.PK] = &collection
			if !collection.Deleted {
				set.byName[collection.Name] = &collection
			}
			return err
		})
	if err == nil {
		cache.all.Store(set)
	}
	return err
}

const collectionColumns = `pk, name, kind, title, description, backend, status, policy, limits, retention, book, created_at, deleted, second, moving`

// collectionScan holds what collectionColumns are scanned into before it is made
// a Collection.
type collectionScan struct {
	Collection
	limits, retention, book []byte
	created                 int64
}

func (s *collectionScan) into() []any {
	return []any{&s.PK, &s.Name, &s.Kind, &s.Title, &s.Description, &s.Backend, &s.Status, &s.Policy,
		&s.limits, &s.retention, &s.book, &s.created, &s.Deleted, &s.Second, &s.Moving}
}

func (s *collectionScan) collection() (Collection, error) {
	s.CreatedAt = fromMillis(s.created)
	s.Status = shownStatus(s.Status, s.Moving)
	err := errors.Join(json.Unmarshal(s.limits, &s.Limits), json.Unmarshal(s.retention, &s.Retention),
		json.Unmarshal(s.book, &s.Book))
	return s.Collection, err
}

// settings returns the JSON form of a collection's limits and retention.
func settings(c *sheaf.Collection) (limits, retention string, err error) {
	l, limitsErr := json.Marshal(c.Limits)
	r, retentionErr := json.Marshal(c.Retention)
	return string(l), string(r), errors.Join(limitsErr, retentionErr)
}

// Collection returns a collection that is not deleted by name. The result is shared and must not be
// changed; ok is false when there is none.
func (c *Catalog) Collection(name sheaf.Slug) (collection *Collection, ok bool) {
	collection, ok = c.collections.all.Load().byName[name]
	return collection, ok
}

// Collections returns all collections of a kind that are not deleted, in no order.
func (c *Catalog) Collections(kind sheaf.CollectionKind) []*Collection {
	var found []*Collection
	for _, collection := range c.collections.all.Load().byName {
		if collection.Kind == kind {
			found = append(found, collection)
		}
	}
	return found
}

// CreateCollection stores a new collection, created at the transaction's time.
// It fails with [sheaf.ErrExists] when the name is taken. One that was deleted
// under the name comes back, with its stream and nothing in it.
func (tx *Tx) CreateCollection(collection sheaf.Collection) error {
	limits, retention, err := settings(&collection)
	if err != nil {
		return err
	}
	result, err := tx.exec(`
		insert into collections (name, kind, title, description, backend, status, policy, limits, retention, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (name) do update set kind = excluded.kind, title = excluded.title, description = excluded.description,
			backend = excluded.backend, status = excluded.status, policy = excluded.policy, limits = excluded.limits,
			retention = excluded.retention, book = excluded.book, created_at = excluded.created_at, deleted = 0
		where deleted = 1`,
		collection.Name, collection.Kind, collection.Title, collection.Description,
		collection.Backend, collection.Status, collection.Policy, limits, retention, tx.now)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		return sheaf.Errorf(sheaf.ErrExists, "there is a collection %s already", collection.Name).
			WithHint("choose another name, or change the collection that is there")
	}
	tx.collectionsChanged()
	return nil
}

// DeleteCollection hides a collection whose documents are all purged. If it is
// moving, that is over.
func (tx *Tx) DeleteCollection(c *Collection) error {
	if c.Moving != "" {
		if err := tx.EndMove(c, sheaf.MoveDeleted); err != nil {
			return err
		}
	}
	_, err := tx.exec(`update collections set deleted = 1 where pk = $1`, c.PK)
	tx.collectionsChanged()
	return err
}

// Unpurged returns documents of a collection that are not purged, at most limit:
// those that are not deleted, then those in the trash, then those that are in
// layers only.
func (v *View) Unpurged(c *Collection, limit int) ([]Head, error) {
	heads, err := v.heads(`
		select `+headColumns+` from documents d
		where d.collection = $1 and d.deleted = 0 order by d.pk limit $2`, c.PK, limit)
	if err != nil || len(heads) == limit {
		return heads, err
	}
	trashed, err := v.Trash(c, 0, limit-len(heads))
	heads = append(heads, trashed...)
	if err != nil || len(heads) == limit {
		return heads, err
	}
	layered, err := v.heads(`
		select `+headColumns+` from documents d
		where d.collection = $1 and d.deleted = 2 order by d.pk limit $2`, c.PK, limit-len(heads))
	return append(heads, layered...), err
}

// collectionsChanged makes everybody see the collections as they are once this
// is committed.
func (tx *Tx) collectionsChanged() {
	tx.touched.all = true
	tx.newCollections = true
	tx.AfterCommit(func() {
		if err := tx.catalog.collections.load(tx.conn); err != nil {
			tx.catalog.options.Log.Error("read collections after a change", "error", err)
		}
	})
}

// UpdateCollection stores the title, description, status, policy, limits and
// retention of a collection.
func (tx *Tx) UpdateCollection(c *Collection) error {
	limits, retention, err := settings(&c.Collection)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		update collections set title = $2, description = $3, status = $4, policy = $5, limits = $6, retention = $7
		where pk = $1`,
		c.PK, c.Title, c.Description, storedStatus(c.Status), c.Policy, limits, retention)
	tx.collectionsChanged()
	return err
}

// CurrentCollection returns a collection as this transaction sees it, with what
// mutations before this one have changed. The result may be shared and must not
// be changed.
func (tx *Tx) CurrentCollection(name sheaf.Slug) (c *Collection, found bool, err error) {
	if !tx.newCollections { // the writer has loaded what it committed last
		c, found = tx.catalog.Collection(name)
		return c, found, nil
	}
	own, found, err := tx.CollectionNow(name)
	return &own, found, err
}

// CollectionNow returns a collection that is not deleted as this transaction sees it. The result is
// the caller's.
func (tx *Tx) CollectionNow(name sheaf.Slug) (c Collection, found bool, err error) {
	var row collectionScan
	found, err = tx.conn.row(`select `+collectionColumns+` from collections where name = $1 and deleted = 0`, []any{name}, row.into()...)
	if err != nil || !found {
		return Collection{}, false, err
	}
	c, err = row.collection()
	return c, true, err
}

// Stats counts what a collection holds. It looks at every document.
func (v *View) Stats(c *Collection) (stats sheaf.CollectionStats, err error) {
	stats.Collection = c.Collection
	_, err = v.conn.row(`
		select count(*) filter (where deleted = 0), coalesce(sum(size) filter (where deleted = 0), 0),
			count(*) filter (where deleted = 1 and purged = 0)
		from documents where collection = $1`, []any{c.PK}, &stats.Documents, &stats.SizeBytes, &stats.Trashed)
	if err != nil {
		return stats, err
	}
	stats.Revision, err = v.LatestRev(string(c.Name))
	return stats, err
}

// AllCollections returns all collections that are not deleted, in no order.
func (c *Catalog) AllCollections() []*Collection {
	var all []*Collection
	for _, collection := range c.collections.all.Load().byName {
		all = append(all, collection)
	}
	return all
}
