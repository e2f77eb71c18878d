package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A DocumentFilter selects documents that are not deleted. Its conditions all
// have to hold; zero values hold for every document.
type DocumentFilter struct {
	Collections   []*Collection // in one of these
	Name          string        // a piece of the name, upper and lower case alike
	Tags          []string      // all of them
	Before, After time.Time     // uploaded strictly before, strictly after
}

// A Position is a place in a listing: right after the document it names.
type Position struct {
	UploadedAt int64            `json:"t"` // Unix milliseconds
	ID         sheaf.DocumentID `json:"d"`
	PK         int64            `json:"k"` // no later page has a document above it
}

// ListDocuments returns the documents that pass the filter, the newest first,
// documents of the same millisecond by descending id: at most limit of them,
// from the position on, nil being the start. Next is nil when these were the
// last. The view should be of a [Catalog.Snapshot].
func (v *View) ListDocuments(ctx context.Context, filter DocumentFilter, from *Position, limit int) (page []Head, next *Position, err error) {
	walk := listingWalk{ctx: ctx, view: v, filter: filter, folded: foldName(filter.Name), from: from, limit: limit}
	for _, tag := range filter.Tags {
		walk.terms = append(walk.terms, wantedTerm{term: tagTerm(tag)})
	}
	for _, term := range searchTerms(walk.folded) {
		walk.terms = append(walk.terms, wantedTerm{term: term})
	}
	if walk.upper, err = v.listingStart(filter, from); err != nil {
		return nil, nil, err
	}
	if filter.Name == "" && len(filter.Tags) == 0 {
		err = walk.newest()
	} else {
		err = walk.indexed()
	}
	if err != nil && err != errPageFull {
		return nil, nil, err
	}
	page, next = walk.page()
	return page, next, nil
}

// ListTrash lists as [View.ListDocuments] does what is in the trash of the
// filter's collections. The listing index does not cover that, so every document
// there is looked at until the page is full.
func (v *View) ListTrash(ctx context.Context, filter DocumentFilter, from *Position, limit int) (page []Head, next *Position, err error) {
	walk := listingWalk{ctx: ctx, view: v, filter: filter, folded: foldName(filter.Name), from: from, limit: limit, trash: true}
	if walk.upper, err = v.listingStart(filter, from); err != nil {
		return nil, nil, err
	}
	err = walk.offerRows(`
		select `+headColumns+` from documents d
		where d.collection in (select value from json_each($1)) and d.deleted = 1 and d.purged = 0 and d.pk <= $2
		order by d.pk desc`, collectionList(filter.Collections), walk.upper)
	if err != nil && err != errPageFull {
		return nil, nil, err
	}
	page, next = walk.page()
	return page, next, nil
}

// listingStart returns the largest pk that may be listed. Since pk and creation
// time grow together, a time bound is a bound of the pk.
func (v *View) listingStart(filter DocumentFilter, from *Position) (upper int64, err error) {
	if _, err = v.conn.row(`select coalesce(max(pk), 0) from documents`, nil, &upper); err != nil {
		return 0, err
	}
	if from != nil {
		upper = min(upper, from.PK)
	}
	if filter.Before.IsZero() {
		return upper, nil
	}
	low, high := int64(0), upper // the answer is in [low, high]
	for low < high {
		middle := low + (high-low+1)/2
		var created int64
		found, err := v.conn.row(`select created_at from documents where pk >= $1 order by pk limit 1`, []any{middle}, &created)
		if err != nil {
			return 0, err
		}
		if found && created < millis(filter.Before) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// A listingWalk collects one page. It is offered documents by descending pk.
type listingWalk struct {
	ctx    context.Context
	view   *View
	filter DocumentFilter
	folded string // filter.Name
	terms  []wantedTerm
	from   *Position
	limit  int
	upper  int64 // the largest pk to look at
	trash  bool  // whether deleted documents are wanted, and no others
	found  []Head
}

// A wantedTerm is a term that every document of the listing has.
type wantedTerm struct {
	term   string
	common int // how many documents of a chunk had it, the last time somebody looked
}

// errPageFull ends a walk that has found enough.
var errPageFull = sheaf.Errorf(sheaf.ErrInternal, "the page is full")

// offer takes a document that may belong on the page.
func (w *listingWalk) offer(h Head) error {
	at := millis(h.UploadedAt)
	switch {
	case len(w.found) > w.limit && !h.UploadedAt.Equal(w.found[len(w.found)-1].UploadedAt):
		return errPageFull // one more than fits, and all that share its time
	case !w.filter.After.IsZero() && at <= millis(w.filter.After):
		return errPageFull
	case !w.filter.Before.IsZero() && at >= millis(w.filter.Before):
		return nil
	case w.from != nil && at == w.from.UploadedAt && h.ID >= w.from.ID:
		return nil
	case !w.matches(h):
		return nil
	}
	w.found = append(w.found, h)
	return nil
}

func (w *listingWalk) matches(h Head) bool {
	if h.Deleted != w.trash || !slices.ContainsFunc(w.filter.Collections, func(c *Collection) bool { return c.PK == h.CollectionPK }) {
		return false
	}
	for _, tag := range w.filter.Tags {
		if !slices.Contains(h.Tags, tag) {
			return false
		}
	}
	return strings.Contains(foldName(h.Name), w.folded)
}

// page sorts what was found and cuts it to the limit.
func (w *listingWalk) page() (page []Head, next *Position) {
	slices.SortFunc(w.found, func(a, b Head) int {
		return cmp.Or(b.UploadedAt.Compare(a.UploadedAt), cmp.Compare(b.ID, a.ID))
	})
	if len(w.found) <= w.limit {
		return w.found, nil
	}
	page = w.found[:w.limit:w.limit]
	last := page[len(page)-1]
	next = &Position{UploadedAt: millis(last.UploadedAt), ID: last.ID, PK: last.PK}
	for _, h := range w.found {
		if h.UploadedAt.Equal(last.UploadedAt) {
			next.PK = max(next.PK, h.PK)
		}
	}
	return page, next
}

// newest walks the documents of the collections in the order of their creation.
func (w *listingWalk) newest() error {
	if len(w.filter.Collections) == 1 {
		return w.offerRows(`
			select `+headColumns+` from documents d
			where d.deleted = 0 and d.collection = $1 and d.pk <= $2 order by d.pk desc`,
			w.filter.Collections[0].PK, w.upper)
	}
	return w.offerRows(newestStatement, collectionList(w.filter.Collections), w.upper)
}

// newestStatement walks all documents from the newest. The plus sign keeps the
// engine from going through the collections one by one, because then it would
// have to sort all their documents before it could give the first.
var newestStatement = `
	select ` + headColumns + ` from documents d
	where d.deleted = 0 and d.pk <= $2 and +d.collection in (select value from json_each($1)) order by d.pk desc`

func collectionList(collections []*Collection) string {
	pks := make([]int64, len(collections))
	for i, c := range collections {
		pks[i] = c.PK
	}
	text, err := json.Marshal(pks)
	if err != nil {
		panic(err) // integers always have a JSON form
	}
	return string(text)
}

func (w *listingWalk) offerRows(query string, args ...any) error {
	rows := 0
	return w.view.conn.rows(query, args, func(scan func(...any) error) error {
		if rows++; rows%1024 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		var s headScan
		if err := scan(s.into()...); err != nil {
			return err
		}
		h, err := s.head(w.view.catalog)
		if err != nil {
			return err
		}
		return w.offer(h)
	})
}

// indexed walks the documents that the listing index names, and those that it
// does not cover, chunk by chunk from the newest.
func (w *listingWalk) indexed() error {
	unindexed, err := w.unindexed()
	if err != nil {
		return err
	}
	mark, err := w.view.indexedMark()
	if err != nil {
		return err
	}
	for chunk := chunkOf(w.upper); chunk >= 0; chunk-- {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		var candidates bitset
		if chunk <= chunkOf(mark) {
			if candidates, err = w.postings(chunk); err != nil {
				return err
			}
		}
		if extra := unindexed[chunk]; extra != nil {
			candidates.union(extra)
		}
		if err := w.offerCandidates(chunk, &candidates); err != nil {
			return err
		}
	}
	return nil
}

// postings returns the documents of a chunk that have all terms of the filter. It
// begins with those that were rare in the chunk before: most often they leave
// nothing to look at.
func (w *listingWalk) postings(chunk int64) (candidates bitset, err error) {
	slices.SortStableFunc(w.terms, func(a, b wantedTerm) int { return cmp.Compare(a.common, b.common) })
	for i := range w.terms {
		set, err := w.view.posting(chunk, w.terms[i].term)
		if err != nil || set == nil {
			w.terms[i].common = 0
			return bitset{}, err
		}
		w.terms[i].common = set.count()
		if i == 0 {
			candidates = *set
		} else {
			candidates.intersect(set)
		}
		// Looking at the few that are left is cheaper than another term.
		const few = 2
		if candidates.count() <= few {
			return candidates, nil
		}
	}
	// A store has few collections, most often one. Where there are many, they
	// are told apart by looking.
	if len(w.filter.Collections) > 8 {
		return candidates, nil
	}
	var inCollections bitset
	for _, c := range w.filter.Collections {
		set, err := w.view.posting(chunk, collectionTerm(c.PK))
		if err != nil {
			return bitset{}, err
		}
		if set != nil {
			inCollections.union(set)
		}
	}
	candidates.intersect(&inCollections)
	return candidates, nil
}

// posting returns the documents of a chunk that have a term, nil when none has.
func (v *View) posting(chunk int64, term string) (*bitset, error) {
	var stored []byte
	found, err := v.conn.row(`select bits from postings where chunk = $1 and term = $2`, []any{chunk, term}, &stored)
	if err != nil || !found {
		return nil, err
	}
	var set bitset
	return &set, set.decode(stored)
}

// unindexed returns the documents that the index does not cover and that may
// pass the filter, by chunk.
func (w *listingWalk) unindexed() (map[int64]*bitset, error) {
	found := make(map[int64]*bitset)
	add := func(pk int64) {
		if pk > w.upper {
			return
		}
		set := found[chunkOf(pk)]
		if set == nil {
			set = new(bitset)
			found[chunkOf(pk)] = set
		}
		set.set(int(pk % chunkSize))
	}
	err := w.view.conn.rows(`select document from listing_changes`, nil, func(scan func(...any) error) error {
		var pk int64
		if err := scan(&pk); err != nil {
			return err
		}
		add(pk)
		return nil
	})
	if err != nil {
		return nil, err
	}
	mark, err := w.view.indexedMark()
	if err != nil || mark >= w.upper {
		return found, err
	}
	// A tag stands in the tags of a document in its JSON form.
	var tag string
	if len(w.filter.Tags) > 0 {
		tag = strings.Trim(encodeTags(w.filter.Tags[:1]), "[]")
	}
	err = w.view.conn.rows(`
		select pk, name from documents
		where pk > $1 and pk <= $2 and deleted = 0 and instr(tags, $3) > 0`, []any{mark, w.upper, tag},
		func(scan func(...any) error) error {
			var pk int64
			var name string
			if err := scan(&pk, &name); err != nil {
				return err
			}
			if strings.Contains(foldName(name), w.folded) {
				add(pk)
			}
			return nil
		})
	return found, err
}

// fetchStatement fetches documents by pk, the newest first.
var fetchStatement = `select ` + headColumns + ` from documents d where d.pk in ` + pkList + ` order by d.pk desc`

// offerCandidates fetches the candidates of a chunk, the newest first, and offers them.
func (w *listingWalk) offerCandidates(chunk int64, candidates *bitset) error {
	pks := make([]any, 0, pkListSize)
	fetch := func() error {
		if len(pks) == 0 {
			return nil
		}
		defer func() { pks = pks[:0] }()
		if err := w.ctx.Err(); err != nil {
			return err
		}
		return w.offerRows(fetchStatement, padPKs(pks)...)
	}
	for bit := range candidates.descending() {
		pk := chunk*chunkSize + int64(bit)
		if pk > w.upper {
			continue
		}
		if pks = append(pks, pk); len(pks) == pkListSize {
			if err := fetch(); err != nil {
				return err
			}
		}
	}
	return fetch()
}
