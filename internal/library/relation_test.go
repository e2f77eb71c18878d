package library_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func (s *store) relate(id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID, note string) (sheaf.RelationChange, error) {
	return s.Relate(s.t.Context(), id, library.NewRelation{Type: relation, Other: other, Note: note})
}

// mustRelate is relate, which has to succeed in the mode.
func (s *store) mustRelate(mode sheaf.ChangeMode, id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID, note string) sheaf.RelationChange {
	s.t.Helper()
	change, err := s.relate(id, relation, other, note)
	if err != nil || change.Mode != mode || change.Type != relation || change.ID != other || change.Note != note {
		s.t.Fatalf("making %s the %s of %s: %+v, %v, want %s", other, relation, id, change, err, mode)
	}
	return change
}

// wantRelations checks the relations of a document, each as "type name note",
// with "deleted" before the note for those in the trash.
func (s *store) wantRelations(id sheaf.DocumentID, want ...string) {
	s.t.Helper()
	relations, err := s.Relations(s.t.Context(), id)
	if err != nil {
		s.t.Fatalf("the relations of %s: %v", id, err)
	}
	var got []string
	for _, r := range relations {
		text := string(r.Type) + " " + r.Name
		if r.Deleted {
			text += " deleted"
		}
		got = append(got, strings.TrimSpace(text+" "+r.Note))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the relations of %s: %q, want %q", id, got, want)
	}
}

func (s *store) namedDocuments(names ...string) (ids []sheaf.DocumentID) {
	s.t.Helper()
	for _, name := range names {
		ids = append(ids, s.create(name, named(name)).ID)
	}
	return ids
}

func TestRelations(t *testing.T) {
	t.Parallel()
	s := open(t)
	docs := s.namedDocuments("book", "chapter", "notes", "second edition")
	book, chapter, notes, second := docs[0], docs[1], docs[2], docs[3]

	made := s.mustRelate(sheaf.ModeCreated, chapter, sheaf.RelationParent, book, "the first")
	if made.Revision != 6 || made.AuditEntryID == 0 || made.CreatedBy != "local" || made.Label != "tester" || made.CreatedAt.IsZero() || made.Collection != sheaf.DefaultCollection {
		t.Errorf("a new relation: %+v", made)
	}
	s.mustRelate(sheaf.ModeUnchanged, book, sheaf.RelationChild, chapter, "the first")
	s.mustRelate(sheaf.ModeCreated, book, sheaf.RelationSuccessor, second, "")
	s.mustRelate(sheaf.ModeCreated, notes, sheaf.RelationRelated, book, "on it")
	s.mustRelate(sheaf.ModeUnchanged, book, sheaf.RelationRelated, notes, "on it")
	s.wantRelations(book, "child chapter the first", "successor second edition", "related notes on it")
	s.wantRelations(chapter, "parent book the first")
	s.wantRelations(second, "predecessor book")

	changed := s.mustRelate(sheaf.ModeUpdated, book, sheaf.RelationChild, chapter, "chapter one")
	if changed.PreviousNote != "the first" || !changed.CreatedAt.Equal(made.CreatedAt) {
		t.Errorf("another note: %+v, want the one before", changed)
	}
	removed, err := s.Unrelate(t.Context(), second, sheaf.RelationPredecessor, book)
	if err != nil || removed.Mode != sheaf.ModeDeleted || removed.Name != "book" {
		t.Errorf("a relation removed: %+v, %v", removed, err)
	}
	_, err = s.Unrelate(t.Context(), second, sheaf.RelationPredecessor, book)
	wantKind(t, "removing it again", err, sheaf.ErrNotFound)
	_, err = s.Unrelate(t.Context(), book, sheaf.RelationParent, chapter)
	wantKind(t, "removing it the wrong way round", err, sheaf.ErrNotFound)

	// They survive the trash, and end with a purge.
	must(t, "a deletion", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), book))
	s.wantRelations(chapter, "parent book deleted chapter one")
	s.wantRelations(book, "child chapter chapter one", "related notes on it")
	_, err = s.relate(second, sheaf.RelationParent, book, "")
	wantKind(t, "a parent in the trash", err, sheaf.ErrNotFound)
	must(t, "a restoration", sheaf.ModeRestored)(s.restore(book, library.Restoration{}))
	s.wantRelations(chapter, "parent book chapter one")
	must(t, "a deletion", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), book))
	must(t, "a purge", sheaf.ModePurged)(s.PurgeDocument(t.Context(), book))
	s.wantRelations(chapter)
	s.wantRelations(notes)
	_, err = s.Relations(t.Context(), book)
	wantKind(t, "the relations of a purged document", err, sheaf.ErrGone)
	s.mustRelate(sheaf.ModeCreated, chapter, sheaf.RelationParent, second, "")
	s.wantWhole()
}

func TestRelationRules(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.limits.Relations, set.limits.Tree, set.limits.Note = 5, 4, 10 })
	d := s.namedDocuments("0", "1", "2", "3", "4", "5")
	_, err := s.relate(d[0], "friend", "doc_1", strings.Repeat("x", 11))
	wantFields(t, "all wrong", err, "type", "document_id", "note")
	_, err = s.relate(d[0], sheaf.RelationRelated, d[0], "")
	wantFields(t, "a document and itself", err, "document_id")
	_, err = s.relate(d[0], sheaf.RelationRelated, "doc_0123456789ab", "")
	wantKind(t, "a document that is not there", err, sheaf.ErrNotFound)

	s.mustRelate(sheaf.ModeCreated, d[1], sheaf.RelationParent, d[0], "")
	s.mustRelate(sheaf.ModeCreated, d[1], sheaf.RelationChild, d[2], "")
	_, err = s.relate(d[2], sheaf.RelationParent, d[3], "")
	wantKind(t, "a second parent", err, sheaf.ErrExists)
	if err == nil || !strings.Contains(err.Error(), string(d[1])) {
		t.Errorf("a second parent: %v, want it to name the first", err)
	}
	_, err = s.relate(d[3], sheaf.RelationChild, d[2], "")
	wantKind(t, "a second parent from above", err, sheaf.ErrExists)
	for _, relation := range []sheaf.RelationType{sheaf.RelationParent, sheaf.RelationPredecessor} {
		if relation == sheaf.RelationPredecessor {
			s.mustRelate(sheaf.ModeCreated, d[1], relation, d[0], "")
			s.mustRelate(sheaf.ModeCreated, d[2], relation, d[1], "")
		}
		_, err = s.relate(d[0], relation, d[2], "")
		wantKind(t, "a cycle of three over "+string(relation), err, sheaf.ErrExists)
		_, err = s.relate(d[1], relation.Inverse(), d[0], "")
		wantKind(t, "a cycle of two over "+string(relation), err, sheaf.ErrExists)
	}
	s.mustRelate(sheaf.ModeCreated, d[1], sheaf.RelationRelated, d[5], "")
	_, err = s.relate(d[1], sheaf.RelationRelated, d[4], "")
	wantKind(t, "a relation too many", err, sheaf.ErrTooLarge)
	_, err = s.relate(d[4], sheaf.RelationRelated, d[1], "")
	wantKind(t, "a relation too many of the other", err, sheaf.ErrTooLarge)

	// As long as one end is new no walk is long.
	for i := 2; i < 5; i++ {
		s.mustRelate(sheaf.ModeCreated, d[i+1], sheaf.RelationPredecessor, d[i], "")
	}
	s.wantWhole()
}

// Two documents of two collections: both streams tell of it, and both have to be
// writable.
func TestRelationAcrossCollections(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{})
	report := s.create("report", named("report"))
	note := s.create("note", into, named("note"))
	s.mustRelate(sheaf.ModeCreated, note.ID, sheaf.RelationSuccessor, report.ID, "became")
	s.mustRelate(sheaf.ModeUpdated, note.ID, sheaf.RelationSuccessor, report.ID, "grew into")
	if _, err := s.Unrelate(t.Context(), report.ID, sheaf.RelationPredecessor, note.ID); err != nil {
		t.Fatal(err)
	}
	type detail struct {
		Type     sheaf.RelationType `json:"type"`
		Document sheaf.DocumentID   `json:"document_id"`
		Other    sheaf.DocumentID   `json:"other_id"`
		Before   *string            `json:"note_before"`
		After    *string            `json:"note_after"`
	}
	told := func(stream string, want detail) (texts, ids []string) {
		for _, e := range s.log(stream) {
			if !strings.HasPrefix(e.Operation, "relation.") {
				continue
			}
			var payload struct {
				ID     string `json:"operation_id"`
				Detail detail `json:"detail"`
			}
			if err := json.Unmarshal(e.Payload, &payload); err != nil {
				t.Fatal(err)
			}
			before, after := "-", "-"
			if payload.Detail.Before != nil {
				before = *payload.Detail.Before
			}
			if payload.Detail.After != nil {
				after = *payload.Detail.After
			}
			payload.Detail.Before, payload.Detail.After = nil, nil
			if payload.Detail != want || payload.ID == "" {
				t.Errorf("%s in %s says %+v, operation %q, want %+v", e.Operation, stream, payload.Detail, payload.ID, want)
			}
			texts, ids = append(texts, fmt.Sprintf("%s %s/%s", e.Operation, before, after)), append(ids, payload.ID)
		}
		return texts, ids
	}
	inNotes, noteIDs := told("field-notes", detail{Type: sheaf.RelationSuccessor, Document: note.ID, Other: report.ID})
	inDefault, reportIDs := told("default", detail{Type: sheaf.RelationPredecessor, Document: report.ID, Other: note.ID})
	want := []string{"relation.add -/became", "relation.change became/grew into", "relation.remove grew into/-"}
	if !slices.Equal(inNotes, want) || !slices.Equal(inDefault, want) || !slices.Equal(noteIDs, reportIDs) {
		t.Errorf("the logs say %q and %q, want both %q, with the same operations %v %v", inNotes, inDefault, want, noteIDs, reportIDs)
	}

	s.mustRelate(sheaf.ModeCreated, note.ID, sheaf.RelationRelated, report.ID, "")
	s.setStatus("field-notes", sheaf.StatusArchived)
	for _, id := range [][2]sheaf.DocumentID{{note.ID, report.ID}, {report.ID, note.ID}} {
		_, err := s.relate(id[0], sheaf.RelationParent, id[1], "")
		wantKind(t, "relating over an archived collection", err, sheaf.ErrArchived)
		_, err = s.Unrelate(t.Context(), id[0], sheaf.RelationRelated, id[1])
		wantKind(t, "ending a relation over an archived collection", err, sheaf.ErrArchived)
	}
	s.wantWhole()
}

// What was done with the relations of a document is in its log, and so is that
// one ended because the other document was purged.
func TestRelationsInDocumentLog(t *testing.T) {
	t.Parallel()
	s := open(t)
	docs := s.namedDocuments("book", "chapter")
	book, chapter := docs[0], docs[1]
	into := s.within("field-notes", sheaf.CollectionLimits{})
	note := s.create("x", into).ID
	s.mustRelate(sheaf.ModeCreated, book, sheaf.RelationChild, chapter, "")
	s.mustRelate(sheaf.ModeUpdated, chapter, sheaf.RelationParent, book, "the first")
	s.mustRelate(sheaf.ModeCreated, note, sheaf.RelationRelated, chapter, "")
	must(t, "a rename", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), chapter, library.DocumentChange{Name: new("Chapter")}))
	if _, err := s.Unrelate(t.Context(), chapter, sheaf.RelationParent, book); err != nil {
		t.Fatal(err)
	}
	s.mustRelate(sheaf.ModeCreated, book, sheaf.RelationChild, chapter, "")
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), chapter))
	must(t, "purging", sheaf.ModePurged)(s.PurgeDocument(t.Context(), chapter))

	for id, want := range map[sheaf.DocumentID]string{
		book: "default document.purge, default relation.add, default relation.remove, default relation.change, default relation.add, default document.create",
		chapter: "default document.purge, default document.delete, default relation.add, default relation.remove, default document.change, " +
			"default relation.add, default relation.change, default relation.add, default document.create",
		note: "default document.purge, field-notes relation.add, field-notes document.create",
	} {
		var got []string
		for before, more := int64(0), true; more; { // in pages
			page, err := s.DocumentLog(t.Context(), id, before, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				got, before = append(got, e.Stream+" "+e.Operation), e.ID
			}
			more = len(page) == 2
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("the log of %s:\n%s, want\n%s", id, text, want)
		}
	}
	entries := s.log("default")
	purge := entries[len(entries)-1]
	for _, part := range []string{
		fmt.Sprintf(`{"type":"parent","document_id":%q,"other_id":%q}`, chapter, book),
		fmt.Sprintf(`{"type":"related","document_id":%q,"other_id":%q}`, chapter, note),
	} {
		if !strings.Contains(string(purge.Payload), part) {
			t.Errorf("the entry of the purge: %s, want %s in it", purge.Payload, part)
		}
	}
	s.wantWhole()
}

// However many try at once, there is one parent and no cycle.
func TestRelatingAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := s.namedDocuments("a", "b", "c")
	for range 20 {
		var running sync.WaitGroup
		for i := range d {
			running.Go(func() {
				_, err := s.relate(d[i], sheaf.RelationParent, d[(i+1)%len(d)], "")
				if err != nil && sheaf.KindOf(err) != sheaf.ErrExists {
					t.Errorf("relating at once: %v", err)
				}
			})
		}
		running.Wait()
		parents := 0
		for i := range d {
			if _, err := s.Unrelate(t.Context(), d[i], sheaf.RelationParent, d[(i+1)%len(d)]); err == nil {
				parents++
			}
		}
		if parents != 2 {
			t.Errorf("%d of three that would be a cycle were made, want 2", parents)
		}
	}
	s.wantWhole()
}

func TestDeleteTree(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.limits.Tree = 5 })
	into := s.within("field-notes", sheaf.CollectionLimits{})
	d := s.namedDocuments("root", "child", "trashed", "below it")
	elsewhere := s.create("x", into, named("elsewhere")).ID
	related := s.namedDocuments("related")[0]
	for _, edge := range [][2]sheaf.DocumentID{{d[0], d[1]}, {d[0], d[2]}, {d[2], d[3]}, {d[1], elsewhere}} {
		s.mustRelate(sheaf.ModeCreated, edge[0], sheaf.RelationChild, edge[1], "")
	}
	s.mustRelate(sheaf.ModeCreated, d[0], sheaf.RelationRelated, related, "")

	// Without being asked, children stay.
	must(t, "deleting a parent", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), d[0]))
	if _, err := s.Document(t.Context(), d[1]); err != nil {
		t.Errorf("the child of a deleted parent: %v", err)
	}
	must(t, "a restoration", sheaf.ModeRestored)(s.restore(d[0], library.Restoration{}))
	must(t, "deleting a child", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), d[2]))

	s.setStatus("field-notes", sheaf.StatusArchived)
	_, err := s.DeleteTree(t.Context(), d[0])
	wantKind(t, "a tree with a document in an archived collection", err, sheaf.ErrArchived)
	if _, err := s.Document(t.Context(), d[0]); err != nil {
		t.Errorf("after a refused deletion: %v, want nothing deleted", err)
	}
	s.setStatus("field-notes", sheaf.StatusActive)

	rev, other := int64(len(s.log("default"))), int64(len(s.log("field-notes")))
	deleted, err := s.DeleteTree(t.Context(), d[0])
	if err != nil {
		t.Fatal(err)
	}
	got := []sheaf.DocumentID{deleted.ID}
	for _, c := range deleted.Below {
		got = append(got, c.ID)
		if c.Mode != sheaf.ModeDeleted || c.AuditEntryID == 0 || c.PreviousRevision == 0 {
			t.Errorf("a document below: %+v", c)
		}
	}
	if want := []sheaf.DocumentID{d[0], d[1], elsewhere, d[3]}; !slices.Equal(got, want) {
		t.Errorf("deleted %v, want %v", got, want)
	}
	inDefault, inNotes := s.operations("default", rev), s.operations("field-notes", other)
	if len(inDefault) != 1 || len(inNotes) != 1 || inDefault[0].id == "" || inDefault[0].id != inNotes[0].id ||
		inDefault[0].documents != 3 || inNotes[0].documents != 1 || inNotes[0].name != "document.delete" {
		t.Errorf("the logs have %+v and %+v, want an entry each with a common operation", inDefault, inNotes)
	}
	for _, id := range got {
		must(t, "restoring what was deleted", sheaf.ModeRestored)(s.restore(id, library.Restoration{}))
	}
	s.wantRelations(d[0], "child child", "child trashed deleted", "related related")

	more := s.namedDocuments("more")[0]
	s.mustRelate(sheaf.ModeCreated, d[3], sheaf.RelationChild, more, "")
	_, err = s.DeleteTree(t.Context(), d[0])
	wantKind(t, "too large a tree", err, sheaf.ErrTooLarge)
	if _, err := s.Document(t.Context(), more); err != nil {
		t.Errorf("after a refused deletion: %v, want nothing deleted", err)
	}
	s.wantWhole()
}
