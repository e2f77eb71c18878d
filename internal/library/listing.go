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
}

// A DocumentPage is a part of a listing, the newest document first.
type DocumentPage struct {
	Documents []sheaf.Document // never nil
	Next      string           // the cursor of the next page; empty when this is the last
}

// Documents lists documents that are not deleted.
func (s *Session) Documents(ctx context.Context, q DocumentQuery) (DocumentPage, error) {
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return DocumentPage{}, err
	}
	filter, limit, from, err := s.library.checkQuery(q)
	if err != nil {
		return DocumentPage{}, err
	}
	page := DocumentPage{Documents: []sheaf.Document{}}
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		heads, next, err := v.ListDocuments(ctx, filter, from, limit)
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

func (l *Library) checkQuery(q DocumentQuery) (filter catalog.DocumentFilter, limit int, from *catalog.Position, err error) {
	var limitErr, nameErr, collectionErr, cursorErr error
	if q.Limit < 1 {
		limitErr = sheaf.Invalid("limit", fmt.Sprintf("limit is %d, it has to be at least 1 (more than %d gives %d)", q.Limit, l.limits.Page, l.limits.Page))
	}
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
	if q.Cursor != "" {
		from, cursorErr = decodeCursor(q.Cursor, q.conditions())
	}
	return filter, min(q.Limit, l.limits.Page), from, sheaf.InvalidFields(limitErr, nameErr, tagsErr, collectionErr, cursorErr)
}

// conditions returns a text that two queries share if they list the same.
func (q DocumentQuery) conditions() string {
	return fmt.Sprintf("%q %q %q %d %d", q.Name, q.Tags, q.Collection, q.Before.UnixMilli(), q.After.UnixMilli())
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
