package library

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// A Selection says which documents a bulk change is about: those with the ids,
// or those that the filter finds. One of the two is given.
type Selection struct {
	IDs    []sheaf.DocumentID
	Filter *SelectionFilter
}

// A SelectionFilter selects documents as a [DocumentQuery] does.
type SelectionFilter struct {
	Name          string    // a piece of the name, upper and lower case alike
	Tags          []string  // all of them
	Collection    string    // empty: every collection of kind documents
	Before, After time.Time // uploaded strictly before, strictly after; zero: whenever
	All           bool      // has to be set when there is no condition, so that nobody means everything by mistake
}

func (f *SelectionFilter) isEmpty() bool {
	return f.Name == "" && len(f.Tags) == 0 && f.Collection == "" && f.Before.IsZero() && f.After.IsZero()
}

// checkSelection applies the rules about a selection. Filter says what to look
// for when there are no ids.
func (l *Library) checkSelection(selection Selection) (filter catalog.DocumentFilter, err error) {
	f := selection.Filter
	switch {
	case f == nil && len(selection.IDs) == 0:
		return filter, sheaf.Invalid("document_ids", "say which documents: document_ids, or a filter")
	case f != nil && len(selection.IDs) > 0:
		return filter, sheaf.Invalid("filter", "say which documents by document_ids or by a filter, not by both")
	case f == nil:
		return filter, nil
	case f.isEmpty() && !f.All:
		return filter, sheaf.Invalid("filter.all", "the filter has no conditions, so that it would select everything").
			WithHint("narrow it, or set all if everything is meant")
	}
	filter, _, _, err = l.checkQuery(DocumentQuery{
		Name: f.Name, Tags: f.Tags, Collection: f.Collection, Before: f.Before, After: f.After, Limit: 1,
	})
	return filter, within("filter", err)
}

// within returns an error about fields as one about fields of an object.
func within(object string, err error) error {
	var e *sheaf.Error
	if !errors.As(err, &e) || len(e.Fields) == 0 {
		return err
	}
	inner := *e
	inner.Fields = slices.Clone(e.Fields)
	for i := range inner.Fields {
		inner.Fields[i].Field = object + "." + inner.Fields[i].Field
	}
	return &inner
}

// find returns the documents that a bulk change is about, the newest first when
// a filter finds them, else in the order of their ids, each once. What is wrong
// with single documents is noted in refused.
func (c *bulkChange) find(ctx context.Context, v *catalog.View, refused *refusals) (heads []catalog.Head, err error) {
	most := c.session().library.limits.Bulk
	if c.selection.Filter != nil {
		heads, next, err := c.list(ctx, v, nil, most)
		if err == nil && next != nil {
			err = errTooMany
		}
		return heads, err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(c.selection.IDs)))
	if len(ids) > most {
		return nil, tooMany(fmt.Sprint(len(ids)), most)
	}
	for _, id := range ids {
		head, err := c.lookUp(v, id)
		if err != nil && !refused.add(id, err) {
			return nil, err
		}
		if err == nil {
			heads = append(heads, head)
		}
	}
	return heads, nil
}

// list returns a page of what the filter finds: documents, or those in the trash.
func (c *bulkChange) list(ctx context.Context, v *catalog.View, from *catalog.Position, limit int) ([]catalog.Head, *catalog.Position, error) {
	if c.action == sheaf.BulkRestore {
		return v.ListTrash(ctx, c.filter, from, limit)
	}
	return v.ListDocuments(ctx, c.filter, from, limit)
}

// errTooMany says that a filter finds more than a bulk change may be about.
var errTooMany = errors.New("the filter finds too many documents")

// tooMany is the error of a selection with that many documents.
func tooMany(count string, most int) error {
	return sheaf.Errorf(sheaf.ErrTooLarge, "%s documents are selected, at most %d can be changed at once", count, most).
		WithHint("narrow the selection, or change them in several steps; the limit is limits.bulk_documents")
}

// countTooMany returns the error of a filter that finds too many, with their
// number. Nobody needs to know it exactly when it is far too large.
func (c *bulkChange) countTooMany(ctx context.Context) error {
	const enough = 10
	most := c.session().library.limits.Bulk
	count := 0
	var from *catalog.Position
	err := c.session().library.catalog.Snapshot(ctx, func(v *catalog.View) error {
		for count <= enough*most {
			heads, next, err := c.list(ctx, v, from, most)
			if count += len(heads); err != nil || next == nil {
				return err
			}
			from = next
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case count > enough*most:
		return tooMany(fmt.Sprintf("more than %d", enough*most), most)
	}
	return tooMany(fmt.Sprint(count), most)
}

// selectionDigest names documents, each in its present state.
func selectionDigest(heads []catalog.Head) sheaf.Digest {
	lines := make([]string, 0, len(heads))
	for _, h := range heads {
		lines = append(lines, fmt.Sprintf("%s %s %d\n", h.ID, h.Collection, h.Rev))
	}
	slices.Sort(lines)
	return sha256.Sum256([]byte(strings.Join(lines, "")))
}

// refusals are why single documents cannot be changed.
type refusals struct {
	first  *sheaf.Error
	fields []sheaf.FieldError
}

// add notes why a document cannot be changed. It reports false when the error is
// not about the document.
func (r *refusals) add(id sheaf.DocumentID, err error) bool {
	var e *sheaf.Error
	if !errors.As(err, &e) {
		return false
	}
	if r.first == nil {
		r.first = e
	}
	r.fields = append(r.fields, sheaf.FieldError{Field: string(id), Message: e.Message})
	return true
}

// err returns one error for all refusals, of the kind of the first; nil when
// there are none.
func (r *refusals) err(of int) error {
	if r.first == nil {
		return nil
	}
	return &sheaf.Error{
		Kind:    r.first.Kind,
		Message: fmt.Sprintf("%d of %d documents cannot be changed, so that none was", len(r.fields), of),
		Hint:    r.first.Hint,
		Fields:  r.fields,
	}
}
