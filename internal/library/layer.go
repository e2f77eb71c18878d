package library

import (
	"context"
	"fmt"
	"strings"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

const (
	userLayer = "user:" // before the user's id
	maxUserID = 128     // bytes
)

// UserLayer returns the layer of what a user has laid over books for themselves;
// the base for nobody.
func UserLayer(userID string) string {
	if userID == "" {
		return ""
	}
	return userLayer + userID
}

// checkLayer checks a layer that comes from a caller.
func checkLayer(layer string) error {
	if layer == "" {
		return nil
	}
	id, isUser := strings.CutPrefix(layer, userLayer)
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@+:|=", r)
	}
	if !isUser || id == "" || len(id) > maxUserID || strings.ContainsFunc(id, func(r rune) bool { return !valid(r) }) {
		return sheaf.Invalid("user_id", fmt.Sprintf("a user_id has 1 to %d letters, digits and characters of . _ - @ + : | =; %q has not", maxUserID, sheaf.Clip(id)))
	}
	return nil
}

// OverlayQuery selects overlays of a book.
type OverlayQuery struct {
	Book      string
	StaleOnly bool
	Limit     int
	Cursor    string // from the page before; empty: the first page
}

// An OverlayPage is a page of overlays.
type OverlayPage struct {
	Overlays []sheaf.Overlay // by user and path; never nil
	Next     string          // the cursor of the next page; empty: there is none
}

// Overlays reports what users have laid over a book, and which of it was made
// over another content than the base has now. A page of stale ones only may have
// fewer than were asked for, or none, and still be followed by another.
func (s *Session) Overlays(ctx context.Context, in OverlayQuery) (OverlayPage, error) {
	s.begin("book.overlays").in(in.Book)
	if err := s.allow(sheaf.ScopeRead); err != nil {
		return OverlayPage{}, err
	}
	limit, limitErr := s.library.pageSize(in.Limit)
	conditions := fmt.Sprintf("overlays %q %t", in.Book, in.StaleOnly)
	after, cursorErr := decodePlace(in.Cursor, conditions, 2)
	if err := sheaf.InvalidFields(limitErr, cursorErr); err != nil {
		return OverlayPage{}, err
	}
	book, err := s.library.book(in.Book)
	if err != nil {
		return OverlayPage{}, err
	}
	var rows []catalog.OverlayRow
	err = s.library.catalog.Snapshot(ctx, func(v *catalog.View) (err error) {
		rows, err = v.Overlays(book, after[0], after[1], limit)
		return err
	})
	if err != nil {
		return OverlayPage{}, err
	}
	s.library.used()
	page := OverlayPage{Overlays: []sheaf.Overlay{}}
	for _, row := range rows {
		stale := row.MadeOver != row.Current
		if in.StaleOnly && !stale {
			continue
		}
		page.Overlays = append(page.Overlays, sheaf.Overlay{
			BookFile: row.BookFile, UserID: strings.TrimPrefix(row.Layer, userLayer), Stale: stale,
			MadeOver: orNil(row.MadeOver), CurrentBase: orNil(row.Current),
		})
	}
	if len(rows) == limit {
		last := rows[len(rows)-1]
		page.Next = encodePlace(conditions, last.Layer, last.Path)
	}
	return page, nil
}

// copies says in an entry which contents layers have of a document that is about
// to be purged, and with it what they have.
func copies(v *catalog.View, c *catalog.Collection, document int64) (func(*sheaf.LogPayload), error) {
	heads, err := v.LayersOf(c, document)
	return func(p *sheaf.LogPayload) {
		for _, h := range heads {
			p.Documents = append(p.Documents, sheaf.LogDocument{ID: h.ID, Layer: h.Layer, Before: &sheaf.LogState{Version: h.Version, Digest: h.Digest, Path: h.Path}})
		}
	}, err
}

func orNil(d sheaf.Digest) *sheaf.Digest {
	if d.IsZero() {
		return nil
	}
	return &d
}
