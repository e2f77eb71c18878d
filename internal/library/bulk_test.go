package library_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func byTag(tag string) library.Selection {
	return library.Selection{Filter: &library.SelectionFilter{Tags: []string{tag}}}
}

// bulk checks the counts of a bulk change.
func bulk(t testing.TB, what string, changed, unchanged int) func(sheaf.BulkChange, error) sheaf.BulkChange {
	return func(done sheaf.BulkChange, err error) sheaf.BulkChange {
		t.Helper()
		if err != nil || done.Changed != changed || done.Unchanged != unchanged || done.Matched != changed+unchanged || len(done.Documents) != done.Matched {
			t.Fatalf("%s: %+v, %v; want %d changed, %d unchanged", what, done, err, changed, unchanged)
		}
		return done
	}
}

// A preview says exactly what the change then does.
func TestBulkPreviewIsWhatHappens(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createCollections("notes", "plans")
	s.create("1", named("a"), tagged("t", "x"))
	s.create("2", named("b"), tagged("t", "done"), in("notes"))
	s.create("3", named("c"), tagged("t"), in("plans"))
	s.create("4", named("other"))
	type call func(library.BulkOptions) (sheaf.BulkChange, error)
	ctx := t.Context()
	for _, test := range []struct {
		name               string
		changed, unchanged int
		call               call
		streams            []sheaf.Slug
	}{
		{"tag", 2, 1, func(o library.BulkOptions) (sheaf.BulkChange, error) {
			return s.TagDocuments(ctx, byTag("t"), library.TagChange{Add: []string{" done "}, Remove: []string{"x"}}, o)
		}, []sheaf.Slug{"plans", "default"}},
		{"set", 3, 0, func(o library.BulkOptions) (sheaf.BulkChange, error) {
			return s.TagDocuments(ctx, byTag("t"), library.TagChange{Set: &[]string{"t"}}, o)
		}, []sheaf.Slug{"plans", "notes", "default"}},
		{"move", 2, 1, func(o library.BulkOptions) (sheaf.BulkChange, error) {
			return s.MoveDocuments(ctx, byTag("t"), "notes", o)
		}, []sheaf.Slug{"plans", "notes", "default"}},
		{"delete", 3, 0, func(o library.BulkOptions) (sheaf.BulkChange, error) {
			return s.DeleteDocuments(ctx, byTag("t"), o)
		}, []sheaf.Slug{"notes"}},
		{"restore", 3, 0, func(o library.BulkOptions) (sheaf.BulkChange, error) {
			return s.RestoreDocuments(ctx, byTag("t"), o)
		}, []sheaf.Slug{"notes"}},
	} {
		preview := bulk(t, test.name+", previewed", test.changed, test.unchanged)(test.call(library.BulkOptions{DryRun: true}))
		again := bulk(t, test.name+", previewed again", test.changed, test.unchanged)(test.call(library.BulkOptions{DryRun: true}))
		if !preview.DryRun || !reflect.DeepEqual(preview, again) || len(preview.Collections) != 0 {
			t.Errorf("%s: two previews differ, or have done something: %+v, %+v", test.name, preview, again)
		}
		done := bulk(t, test.name, test.changed, test.unchanged)(test.call(library.BulkOptions{Selection: preview.Selection, Message: "why"}))
		var streams []sheaf.Slug
		for _, made := range done.Collections {
			streams = append(streams, made.Collection)
			entries := s.log(string(made.Collection))
			last := entries[len(entries)-1]
			var payload sheaf.LogPayload
			if err := json.Unmarshal(last.Payload, &payload); err != nil {
				t.Fatal(err)
			}
			if last.ID != made.AuditEntryID || last.Rev != made.Revision || payload.OperationID != done.OperationID || payload.Message != "why" {
				t.Errorf("%s: the entry of %s is %d, %s; want %+v", test.name, made.Collection, last.Rev, last.Payload, made)
			}
		}
		if !slices.Equal(slices.Sorted(slices.Values(streams)), slices.Sorted(slices.Values(test.streams))) || (done.OperationID != "") != (len(streams) > 1) {
			t.Errorf("%s: entries in %v, operation %q; want one in each of %v", test.name, streams, done.OperationID, test.streams)
		}
		for i := range done.Documents {
			doc, shown := done.Documents[i], preview.Documents[i]
			shown.Revision = doc.Revision
			if (doc.Revision == 0) != (doc.Mode == sheaf.ModeUnchanged) || !reflect.DeepEqual(doc, shown) {
				t.Errorf("%s did\n%+v, the preview said\n%+v", test.name, doc, shown)
			}
		}
		_, err := test.call(library.BulkOptions{Selection: preview.Selection})
		wantKind(t, test.name+" again, for the selection before", err, sheaf.ErrPreconditionFailed)
	}
	if got := names(s.list(library.DocumentQuery{Collection: "notes", Tags: []string{"t"}})); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("in the end notes has %q", got)
	}
	s.wantWhole()
}

// Whatever happens to what was previewed, the change that was meant for it fails.
func TestBulkSelectionGuards(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createCollections("notes")
	doc := s.create("1", tagged("t"))
	other := s.create("2", tagged("t"))
	for what, happens := range map[string]func(){
		"a write":    func() { s.mustWrite(sheaf.ModeUpdated, doc.ID, "new") },
		"a deletion": func() { must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), other.ID)) },
		"a creation": func() { s.create("3", tagged("t")) },
		"a move": func() {
			to := "notes"
			if now, _ := s.Document(t.Context(), doc.ID); now.Collection == "notes" {
				to = "default"
			}
			s.move(doc.ID, to)
		},
	} {
		preview, err := s.DeleteDocuments(t.Context(), byTag("t"), library.BulkOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		happens()
		_, err = s.DeleteDocuments(t.Context(), byTag("t"), library.BulkOptions{Selection: preview.Selection})
		wantKind(t, "after "+what, err, sheaf.ErrPreconditionFailed)
		_, err = s.DeleteDocuments(t.Context(), byTag("t"), library.BulkOptions{Selection: preview.Selection, DryRun: true})
		wantKind(t, "a preview after "+what, err, sheaf.ErrPreconditionFailed)
	}
	if left := s.list(library.DocumentQuery{}); len(left) == 0 {
		t.Error("a change that failed has deleted documents")
	}
}

// What is wrong with any of the documents is told at once, and nothing is changed.
func TestBulkIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.limits.Tags = 2 })
	s.createCollections("old-notes")
	good := s.create("1")
	full := s.create("2", tagged("a", "b"))
	kept := s.create("3", in("old-notes"))
	s.makeReadOnly("old-notes")
	trashed := s.create("4")
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), trashed.ID))
	missing := sheaf.DocumentID("doc_000000000000")
	before := len(s.log("default"))

	_, err := s.TagDocuments(t.Context(), library.Selection{IDs: []sheaf.DocumentID{good.ID, full.ID, kept.ID, trashed.ID, missing, good.ID}},
		library.TagChange{Add: []string{"c"}}, library.BulkOptions{})
	var e *sheaf.Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, "4 of 5") {
		t.Fatalf("tagging what cannot be: %v", err)
	}
	wrong := map[string]string{}
	for _, field := range e.Fields {
		wrong[field.Field] = field.Message
	}
	for id, says := range map[sheaf.DocumentID]string{
		full.ID: "at most 2 tags", kept.ID: "archived", trashed.ID: "not found", missing: "not found",
	} {
		if !strings.Contains(wrong[string(id)], says) {
			t.Errorf("of %s the error says %q, want %q", id, wrong[string(id)], says)
		}
	}
	if got, _ := s.Document(t.Context(), good.ID); len(got.Tags) > 0 || len(s.log("default")) != before {
		t.Errorf("something was changed all the same: %+v", got)
	}
	// What has nothing to do with it may be in an archived collection.
	bulk(t, "deleting what is deleted", 0, 1)(s.DeleteDocuments(t.Context(), library.Selection{IDs: []sheaf.DocumentID{trashed.ID}}, library.BulkOptions{}))
	bulk(t, "restoring what is there", 1, 2)(s.RestoreDocuments(t.Context(), library.Selection{IDs: []sheaf.DocumentID{trashed.ID, kept.ID, good.ID}}, library.BulkOptions{}))
	s.wantWhole()
}

func TestBulkInputIsChecked(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.limits.Bulk = 3 })
	var ids []sheaf.DocumentID
	for i := range 5 {
		ids = append(ids, s.create(fmt.Sprint(i), tagged("t")).ID)
	}
	ctx := t.Context()
	all := library.Selection{Filter: &library.SelectionFilter{All: true}}
	tag := library.TagChange{Add: []string{"x"}}
	for _, test := range []struct {
		name   string
		call   func() (sheaf.BulkChange, error)
		fields []string
	}{
		{"no selection", func() (sheaf.BulkChange, error) {
			return s.DeleteDocuments(ctx, library.Selection{}, library.BulkOptions{})
		}, []string{"document_ids"}},
		{"ids and a filter", func() (sheaf.BulkChange, error) {
			return s.DeleteDocuments(ctx, library.Selection{IDs: ids, Filter: all.Filter}, library.BulkOptions{})
		}, []string{"filter"}},
		{"everything by mistake", func() (sheaf.BulkChange, error) {
			return s.DeleteDocuments(ctx, library.Selection{Filter: &library.SelectionFilter{}}, library.BulkOptions{})
		}, []string{"filter.all"}},
		{"a filter of nonsense", func() (sheaf.BulkChange, error) {
			filter := &library.SelectionFilter{Name: strings.Repeat("x", 300), Collection: "No"}
			return s.DeleteDocuments(ctx, library.Selection{Filter: filter}, library.BulkOptions{Message: "\x00"})
		}, []string{"filter.name", "filter.collection", "message"}},
		{"no tags", func() (sheaf.BulkChange, error) {
			return s.TagDocuments(ctx, all, library.TagChange{}, library.BulkOptions{})
		}, []string{"add"}},
		{"set and add", func() (sheaf.BulkChange, error) {
			return s.TagDocuments(ctx, all, library.TagChange{Add: []string{"a"}, Set: &[]string{}}, library.BulkOptions{})
		}, []string{"set"}},
		{"added and removed", func() (sheaf.BulkChange, error) {
			return s.TagDocuments(ctx, all, library.TagChange{Add: []string{"a", "b,c"}, Remove: []string{" a"}}, library.BulkOptions{})
		}, []string{"add", "remove"}},
		{"to no collection", func() (sheaf.BulkChange, error) {
			return s.MoveDocuments(ctx, all, "", library.BulkOptions{})
		}, []string{"collection"}},
	} {
		_, err := test.call()
		wantFields(t, test.name, err, test.fields...)
	}
	_, err := s.MoveDocuments(ctx, all, "nowhere", library.BulkOptions{})
	wantKind(t, "moving to a collection that is not there", err, sheaf.ErrNotFound)
	for name, selection := range map[string]library.Selection{"ids": {IDs: ids}, "a filter": all} {
		for _, dry := range []bool{true, false} {
			_, err := s.TagDocuments(ctx, selection, tag, library.BulkOptions{DryRun: dry})
			if sheaf.KindOf(err) != sheaf.ErrTooLarge || !strings.Contains(err.Error(), "5 documents") || !strings.Contains(err.Error(), "at most 3") {
				t.Errorf("too many by %s: %v", name, err)
			}
		}
	}
	bulk(t, "as many as there may be", 3, 0)(s.TagDocuments(ctx, library.Selection{IDs: ids[:3]}, tag, library.BulkOptions{}))
	bulk(t, "none", 0, 0)(s.TagDocuments(ctx, byTag("nobody has it"), tag, library.BulkOptions{}))
	for range 40 {
		s.create("more")
	}
	_, err = s.TagDocuments(ctx, all, tag, library.BulkOptions{})
	if sheaf.KindOf(err) != sheaf.ErrTooLarge || !strings.Contains(err.Error(), "more than 30") {
		t.Errorf("far too many: %v", err)
	}
}

// Bulk changes and single ones at the same time lose nothing of each other: a
// tag that was added stays, and every document is in one collection.
func TestBulkBesideSingleWrites(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createCollections("notes")
	const documents, rounds = 20, 15
	var ids []sheaf.DocumentID
	for i := range documents {
		ids = append(ids, s.create(fmt.Sprint(i), tagged("t")).ID)
	}
	var running sync.WaitGroup
	try := func(what string, err error) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for worker := range 3 {
		running.Go(func() {
			for round := range rounds {
				added := library.TagChange{Add: []string{fmt.Sprint("w", worker, "r", round)}}
				_, err := s.TagDocuments(t.Context(), byTag("t"), added, library.BulkOptions{})
				try("tagging", err)
			}
		})
	}
	running.Go(func() {
		for round := range rounds {
			_, err := s.MoveDocuments(t.Context(), byTag("t"), []string{"notes", "default"}[round%2], library.BulkOptions{})
			try("moving", err)
		}
	})
	running.Go(func() {
		for round := range rounds {
			for _, id := range ids[:5] {
				description := fmt.Sprint("round ", round)
				_, err := s.ChangeDocument(t.Context(), id, library.DocumentChange{Description: &description})
				try("describing", err)
			}
			if _, err := s.Index(t.Context()); err != nil {
				t.Errorf("indexing: %v", err)
			}
		}
	})
	running.Wait()
	for i, doc := range s.list(library.DocumentQuery{Collection: "notes", Tags: []string{"t"}}) {
		if len(doc.Tags) != 1+3*rounds {
			t.Errorf("document %d has %d tags, want %d", i, len(doc.Tags), 1+3*rounds)
		}
	}
	if n := len(s.list(library.DocumentQuery{Collection: "notes"})); n != documents {
		t.Errorf("%d documents in notes, want all %d", n, documents)
	}
	s.wantWhole()
}

// BenchmarkBulk measures the one transaction in which a thousand documents
// change, during which nobody else writes.
func BenchmarkBulk(b *testing.B) {
	s := open(b)
	s.createCollections("notes")
	for i := range 1000 {
		s.create(fmt.Sprint(i), tagged("t", "second", "third"), named(fmt.Sprint("document number ", i)))
	}
	if _, err := s.Index(b.Context()); err != nil {
		b.Fatal(err)
	}
	longest := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		started := time.Now()
		done, err := s.MoveDocuments(b.Context(), byTag("t"), []string{"notes", "default"}[i%2], library.BulkOptions{})
		if err != nil || done.Changed != 1000 {
			b.Fatalf("moving: %d changed, %v", done.Changed, err)
		}
		longest = max(longest, time.Since(started))
	}
	entries := s.log("notes")
	b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
	b.ReportMetric(float64(len(entries[1].Payload)), "payload-bytes")
}
