package library_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// createCollections makes collections.
func (s *store) createCollections(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if _, err := s.CreateCollection(s.t.Context(), library.NewCollection{Name: name}); err != nil {
			s.t.Fatalf("creating the collection %s: %v", name, err)
		}
	}
}

func (s *store) move(id sheaf.DocumentID, to string) sheaf.Change {
	s.t.Helper()
	return must(s.t, "moving to "+to, sheaf.ModeMoved)(s.MoveDocument(s.t.Context(), id, to, "why"))
}

func (s *store) makeReadOnly(name string) {
	s.t.Helper()
	archived := sheaf.StatusArchived
	if _, err := s.ChangeCollection(s.t.Context(), name, library.CollectionChange{Status: &archived}); err != nil {
		s.t.Fatal(err)
	}
}

// names returns the names of documents, sorted: those of the same millisecond
// are listed in no order that a test knows.
func names(docs []sheaf.Document) (names []string) {
	for _, doc := range docs {
		names = append(names, doc.Name)
	}
	slices.Sort(names)
	return names
}

// A document that moves there and back again is one document with one history.
func TestMoveKeepsIdentityAndHistory(t *testing.T) {
	t.Parallel()
	clock := time.UnixMilli(1_700_000_000_000)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
	s.createCollections("notes")
	tick := func() time.Time { clock = clock.Add(time.Second); return clock }
	tick()
	doc := s.create("one", named("first"))
	created := clock
	tick()
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "two")
	written := clock
	tick()
	moved := s.move(doc.ID, "notes")
	there := clock
	if moved.ID != doc.ID || moved.Collection != "notes" || moved.Version != 2 || !moved.UploadedAt.Equal(doc.UploadedAt) ||
		moved.Revision != 2 || moved.PreviousRevision != 3 || moved.PreviousCollection != "default" || moved.AuditEntryID == 0 {
		t.Errorf("the move: %+v", moved)
	}
	must(t, "moving to where it is", sheaf.ModeUnchanged)(s.MoveDocument(t.Context(), doc.ID, "notes", ""))
	tick()
	name := "renamed"
	must(t, "renaming", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Name: &name}))

	for _, test := range []struct {
		at         library.Moment
		collection sheaf.Slug
		name       string
		version    int
		kind       sheaf.ErrorKind
	}{
		{library.Moment{Time: created}, "default", "first", 1, ""},
		{library.Moment{Time: written.Add(time.Millisecond)}, "default", "first", 2, ""},
		{library.Moment{Time: there}, "notes", "first", 2, ""},
		{library.Moment{Time: clock}, "notes", "renamed", 2, ""},
		{library.Moment{Revision: 2}, "notes", "first", 2, ""},
		{library.Moment{Revision: 3}, "notes", "renamed", 2, ""},
		{library.Moment{Revision: 1}, "", "", 0, sheaf.ErrNotFound},
		{library.Moment{Time: created.Add(-time.Millisecond)}, "", "", 0, sheaf.ErrNotFound},
	} {
		got, _, err := s.DocumentAt(t.Context(), doc.ID, test.at)
		if sheaf.KindOf(err) != test.kind || got.Collection != test.collection || got.Name != test.name || got.Version != test.version {
			t.Errorf("at %+v: %q in %q, version %d, %v; want %+v", test.at, got.Name, got.Collection, got.Version, err, test)
		}
		var e *sheaf.Error
		if test.at.Revision == 1 && (!errors.As(err, &e) || !strings.Contains(e.Hint, "ask for a time")) {
			t.Errorf("at revision 1, before the move: %v, want a hint at times", err)
		}
	}
	for _, test := range []struct {
		collection string
		revision   int64
		want       []string
	}{
		{"default", 3, []string{"first"}}, {"default", 4, nil}, {"notes", 1, nil}, {"notes", 2, []string{"first"}}, {"notes", 3, []string{"renamed"}},
	} {
		got := names(s.list(library.DocumentQuery{Collection: test.collection, At: library.Moment{Revision: test.revision}}))
		if !slices.Equal(got, test.want) {
			t.Errorf("%s at revision %d has %q, want %q", test.collection, test.revision, got, test.want)
		}
	}

	tick()
	s.move(doc.ID, "default")
	// A revision of the collection that it is in again is also one of before.
	if got, _, err := s.DocumentAt(t.Context(), doc.ID, library.Moment{Revision: 2}); err != nil || got.Version != 1 || got.Collection != "default" {
		t.Errorf("at revision 2 of default, after coming back: %+v, %v", got, err)
	}
	restored := must(t, "restoring", sheaf.ModeRestored)(s.RestoreDocument(t.Context(), doc.ID, library.Restoration{Revision: 2}))
	if restored.Collection != "default" || restored.Version != 1 || restored.Name != "first" {
		t.Errorf("restored to revision 2: %+v", restored)
	}
	if _, err := s.RestoreDocument(t.Context(), doc.ID, library.Restoration{Revision: 4}); sheaf.KindOf(err) != sheaf.ErrNotFound {
		t.Errorf("restoring to when it was elsewhere: %v, want not found", err)
	}
	s.wantVersions(doc.ID, 2)

	// The log of the document goes through both streams, in pages of any length.
	want := []string{"default 6 document.restore", "default 5 document.move", "notes 3 document.change", "notes 2 document.move",
		"default 3 content.write", "default 2 document.create"}
	for _, limit := range []int{1, 2, 5, 100} {
		var got []string
		for before := int64(0); ; {
			page, err := s.DocumentLog(t.Context(), doc.ID, before, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				got, before = append(got, fmt.Sprint(e.Stream, " ", e.Rev, " ", e.Operation)), e.ID
			}
			if len(page) < limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the log in pages of %d: %q, want %q", limit, got, want)
		}
	}
	// A move is in the logs of both collections, as one operation.
	var payloads [2]sheaf.LogPayload
	for i, entry := range []sheaf.LogEntry{s.log("default")[3], s.log("notes")[1]} {
		if err := json.Unmarshal(entry.Payload, &payloads[i]); err != nil {
			t.Fatal(err)
		}
		p := payloads[i]
		if p.Operation != "document.move" || p.OperationID == "" || p.OperationID != payloads[0].OperationID || p.Message != "why" ||
			len(p.Documents) != 1 || p.Documents[0].Before.Collection != "default" || p.Documents[0].After.Collection != "notes" {
			t.Errorf("entry %d of the move: %s", i, entry.Payload)
		}
	}
	s.wantWhole()
}

// After a move the counts, the trash and the listings, indexed or not, are those
// of the new collection, and what was remembered of the document is forgotten.
func TestMoveIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createCollections("notes")
	doc := s.create("content", named("moving"), func(in *library.NewDocument) { in.Tags = []string{"t"} })
	s.create("stays", named("staying"), func(in *library.NewDocument) { in.Tags = []string{"t"} })
	s.drain()
	if _, err := s.Index(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.wantRead(doc.ID, "content") // remembered from here on
	s.move(doc.ID, "notes")
	if content, err := s.OpenDocument(t.Context(), doc.ID, 0); err != nil || content.Document.Collection != "notes" {
		t.Errorf("reading after the move: %+v, %v", content, err)
	} else {
		content.Close()
	}
	for range 2 {
		for collection, want := range map[string][]string{"default": {"staying"}, "notes": {"moving"}, "": {"moving", "staying"}} {
			for _, q := range []library.DocumentQuery{{}, {Tags: []string{"t"}}, {Name: "ing"}} {
				q.Collection = collection
				if got := names(s.list(q)); !slices.Equal(got, want) {
					t.Errorf("listing %+v: %q, want %q", q, got, want)
				}
			}
		}
		if _, err := s.Index(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))
	if trash, err := s.Trash(t.Context(), "notes", "", 10); err != nil || len(trash) != 1 {
		t.Errorf("the trash of notes: %+v, %v", trash, err)
	}
	for name, want := range map[string][2]int64{"default": {1, 0}, "notes": {0, 1}} {
		if stats, err := s.Collection(t.Context(), name); err != nil || stats.Documents != want[0] || stats.Trashed != want[1] {
			t.Errorf("%s holds %+v, %v; want %v", name, stats, err, want)
		}
	}
	_, err := s.MoveDocument(t.Context(), doc.ID, "default", "")
	wantKind(t, "moving out of the trash", err, sheaf.ErrNotFound)
	s.wantWhole()
}

func TestMoveIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createCollections("notes", "old-notes")
	doc := s.create("x")
	stored := s.create("y", func(in *library.NewDocument) { in.Collection = "old-notes" })
	s.makeReadOnly("old-notes")
	for _, collection := range []sheaf.Collection{
		{Name: "elsewhere", Kind: sheaf.KindDocuments, Backend: "tape", Status: sheaf.StatusActive, Policy: sheaf.PolicyUpsert},
		{Name: "my-book", Kind: sheaf.KindBook, Backend: fs, Status: sheaf.StatusActive, Policy: sheaf.PolicyUpsert},
	} {
		err := s.catalog.Mutate(t.Context(), 0, func(tx *catalog.Tx) error { return tx.CreateCollection(collection) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		id   sheaf.DocumentID
		to   string
		kind sheaf.ErrorKind
		says string
	}{
		{doc.ID, "", sheaf.ErrInvalid, "collection"},
		{doc.ID, "Not a name", sheaf.ErrInvalid, "collection"},
		{doc.ID, "nowhere", sheaf.ErrNotFound, "nowhere"},
		{doc.ID, "old-notes", sheaf.ErrArchived, "old-notes"},
		{stored.ID, "notes", sheaf.ErrArchived, "old-notes"},
		{doc.ID, "elsewhere", sheaf.ErrUnsupported, "tape"},
		{doc.ID, "my-book", sheaf.ErrUnsupported, "books"},
		{"doc_000000000000", "notes", sheaf.ErrNotFound, "Document not found"},
	} {
		_, err := s.MoveDocument(t.Context(), test.id, test.to, "")
		wantKind(t, "moving to "+test.to, err, test.kind)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("moving to %s: %v, want it to say %q", test.to, err, test.says)
		}
	}
	if got, err := s.Document(t.Context(), doc.ID); err != nil || got.Collection != "default" {
		t.Errorf("after refusals the document is in %s, %v", got.Collection, err)
	}
}

// A change is made for a state of the document. After a move, a revision of the
// old collection may be the number of one of the new one, for another state: it
// must not let the change through that then loses somebody's tags.
func TestRevisionsOfTwoCollectionsAreNotConfused(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.createCollections("notes")
	doc := s.create("x") // revision 2 of default
	tags := []string{"kept"}
	must(t, "tagging", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Tags: &tags}))
	moved := s.move(doc.ID, "notes") // revision 2 of notes
	lost := []string{"lost"}
	for _, collection := range []sheaf.Slug{"", "default"} {
		_, err := s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Tags: &lost, Revision: moved.Revision, Collection: collection})
		wantKind(t, "a change for revision 2 of "+string(collection), err, sheaf.ErrPreconditionFailed)
	}
	must(t, "a change for revision 2 of notes", sheaf.ModeUpdated)(
		s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Tags: &lost, Revision: moved.Revision, Collection: "notes"}))
}
