package library

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// DefaultPage is how many documents a page has when nobody says.
const DefaultPage = 50

// A DocumentQuery selects documents. Its conditions all have to hold.
type DocumentQuery struct {
	Name          string    // a piece of the name, upper and lower case alike
	Tags          []string  // all of them
	Collection    string    // empty: every collection of kind documents
	Before, After time.Time // uploaded strictly before, strictly after; zero: whenever
	Limit         int       // at least 1; above Limits.Page it is Limits.Page
	Cursor        string    // DocumentPage.Next of the page before, with the same conditions
	At            Moment    // what there was then; a revision is of the collection that has to be named
}

// A DocumentPage is a part of a listing, the newest document first.
type DocumentPage struct {
	Documents []sheaf.Document // never nil
	Next      string           // the cursor of the next page; empty when this is the last
}

// Documents lists documents that are not deleted.
func (s *Session) Documents(ctx context.Context, q DocumentQuery) (DocumentPage, error) {
	s.begin("document.list").in(q.Collection)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return DocumentPage{}, err
	}
	filter, limit, from, err := s.library.checkQuery(q)
	if err != nil {
		return DocumentPage{}, err
	}
	page := DocumentPage{Documents: []sheaf.Document{}}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		heads, next, err := listAt(ctx, v, filter, q.At, from, limit)
		if err != nil {
			return err
		}
		page.Documents = slices.Grow(page.Documents, len(heads))
		for _, h := range heads {
			page.Documents = append(page.Documents, h.Document)
		}
		if next != nil {
			page.Next = encodeCursor(*next, q.conditions())
		}
		return nil
	})
	if err == nil {
		s.library.used()
	}
	return page, err
}

// listAt lists what there is, or was at a moment.
func listAt(ctx context.Context, v *catalog.View, filter catalog.DocumentFilter, at Moment, from *catalog.Position, limit int) ([]catalog.Head, *catalog.Position, error) {
	if at.IsNow() {
		return v.ListDocuments(ctx, filter, from, limit)
	}
	revisions := make(map[int64]int64, len(filter.Collections))
	for _, collection := range filter.Collections {
		rev, err := at.revision(v, string(collection.Name))
		if err != nil {
			return nil, nil, err
		}
		revisions[collection.PK] = rev
	}
	heads, next, err := v.ListDocumentsAt(ctx, filter, revisions, from, limit)
	for i := range heads {
		withoutContent(&heads[i])
	}
	return heads, next, err
}

func (l *Library) checkQuery(q DocumentQuery) (filter catalog.DocumentFilter, limit int, from *catalog.Position, err error) {
	var nameErr, limitErr, collectionErr, atErr, cursorErr error
	limit, limitErr = l.pageSize(q.Limit)
	// No name is that long, and looking for every piece of it would take its time.
	if len(q.Name) > l.limits.Name {
		nameErr = sheaf.Invalid("name", fmt.Sprintf("name has %d bytes, names have at most %d", len(q.Name), l.limits.Name))
	}
	tags, tagsErr := l.limits.CleanTags(q.Tags)
	filter = catalog.DocumentFilter{Name: q.Name, Tags: tags, Before: q.Before, After: q.After}
	if q.Collection == "" {
		filter.Collections = l.catalog.Collections(sheaf.KindDocuments)
	} else {
		var collection *catalog.Collection
		collection, collectionErr = l.collection(q.Collection)
		filter.Collections = []*catalog.Collection{collection}
	}
	if q.At.Revision != 0 && q.Collection == "" {
		atErr = sheaf.Invalid("at", "revisions are of one collection: name it, or ask for a time")
	}
	if q.Cursor != "" {
		from, cursorErr = decodeCursor(q.Cursor, q.conditions())
	}
	return filter, limit, from, sheaf.InvalidFields(limitErr, nameErr, tagsErr, collectionErr, atErr, cursorErr)
}

// conditions returns a text that two queries share if they list the same.
func (q DocumentQuery) conditions() string {
	return fmt.Sprintf("%q %q %q %d %d %d %d", q.Name, q.Tags, q.Collection, q.Before.UnixMilli(), q.After.UnixMilli(),
		q.At.Revision, q.At.Time.UnixMilli())
}

// A cursor is where a listing goes on, tied to the conditions it began with.
type cursor struct {
	catalog.Position
	Conditions string `json:"c"`
}

func conditionsHash(conditions string) string {
	return sheaf.DigestOf([]byte(conditions)).String()[:16]
}

func encodeCursor(position catalog.Position, conditions string) string {
	text, err := json.Marshal(cursor{position, conditionsHash(conditions)})
	if err != nil {
		panic(err) // numbers and strings always have a JSON form
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(text, conditions string) (*catalog.Position, error) {
	var c cursor
	plain, err := base64.RawURLEncoding.DecodeString(strings.TrimSpace(text))
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	if err != nil || c.ID == "" {
		return nil, sheaf.Invalid("cursor", "the cursor is not one that this server gave out")
	}
	if c.Conditions != conditionsHash(conditions) {
		return nil, sheaf.Invalid("cursor", "the cursor belongs to a listing with other filters").
			WithHint("repeat the filters of the first page, or start again without a cursor")
	}
	return &c.Position, nil
}
