package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// deleteAt deletes what a user has at a path of the book; nobody is "".
func (s *store) deleteAt(user, path string) sheaf.Change {
	s.t.Helper()
	deleted, err := s.DeleteAtPath(s.t.Context(), library.Place{Book: "book", Path: path, Layer: library.UserLayer(user)}, nil, "")
	if err != nil || !deleted.Existed {
		s.t.Fatalf("deleting %s of %q: existed %t, %v", path, user, deleted.Existed, err)
	}
	return deleted.Change
}

// What a layer has now is kept however old it is, as what the base has; what it
// had before, and what was deleted of it, is not.
func TestRetentionKeepsWhatLayersHave(t *testing.T) {
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
	first := s.mustPut("a.md", "base 1\n")           // version 1
	s.mustPut("a.md", "ada\n", by("ada"))            // 2
	s.mustPut("a.md", "bob 1\n", by("bob"))          // 3
	bob := s.mustPut("a.md", "bob 2\n", by("bob"))   // 4
	s.mustPut("a.md", "carol\n", by("carol"))        // 5
	s.mustPut("a.md", "base 2\n")                    // 6
	own := s.mustPut("own.md", "own 1\n", by("ada")) // in the layer only
	s.mustPut("own.md", "own 2\n", by("ada"))
	s.deleteAt("carol", "a.md")
	retention := sheaf.Retention{HistoryDays: 5}
	if _, err := s.ChangeCollection(t.Context(), "book", library.CollectionChange{Retention: &retention}); err != nil {
		t.Fatal(err)
	}
	clock = clock.AddDate(0, 0, 11)
	if got := s.collect(true); got.ExpiredVersions != 4 || got.PurgedDocuments != 0 {
		t.Errorf("collected: %+v, want the versions 1, 3 and 5, and the first of what is in the layer only", got)
	}
	clock = clock.AddDate(0, 0, 11)
	s.collect(true)
	for user, want := range map[string]string{"": "base 2\n", "ada": "ada\n", "bob": "bob 2\n", "carol": "base 2\n"} {
		s.wantAt(user, "a.md", want)
	}
	s.wantAt("ada", "own.md", "own 2\n")
	s.wantAt("bob", "a.md", "bob 2\n", library.Moment{Revision: bob.Revision})
	_, err := s.OpenAtPath(t.Context(), library.Place{Book: "book", Path: "a.md"}, library.Moment{Revision: first.Revision})
	wantKind(t, "reading what the base had", err, sheaf.ErrGone)
	query := library.FileQuery{Place: library.Place{Book: "book", Layer: own.Layer}, At: library.Moment{Revision: own.Revision}, Limit: 10}
	read, err := s.ReadBook(t.Context(), query, 0)
	if err != nil || len(read.Texts) != 2 || read.Texts[0].Content != "ada\n" || read.Texts[1].Omitted != "purged" {
		t.Errorf("reading the book as it was: %+v, %v", read, err)
	}
	s.wantWhole()
}

// With a document goes what users have of it, and their paths are free again.
func TestPurgingTakesCopiesAlong(t *testing.T) {
	s := open(t)
	doc := s.mustPut("a.md", "base")
	s.mustPut("a.md", "ada", by("ada"))
	s.mustPut("a.md", "bob", by("bob"))
	s.deleteAt("bob", "a.md")
	outside := s.create("outside")
	if _, err := s.Relate(t.Context(), outside.ID, library.NewRelation{Type: sheaf.RelationRelated, Other: doc.ID}); err != nil {
		t.Fatal(err)
	}
	s.deleteAt("", "a.md")
	s.wantAt("ada", "a.md", "ada")
	must(t, "purging", sheaf.ModePurged)(s.PurgeDocument(t.Context(), doc.ID))
	s.wantAt("ada", "a.md", "")
	s.collect(true)
	if page, err := s.Overlays(t.Context(), library.OverlayQuery{Book: "book", Limit: 10}); err != nil || len(page.Overlays) != 0 {
		t.Errorf("copies of what is purged: %+v, %v", page, err)
	}
	entry := s.log("book")
	if last := string(entry[len(entry)-1].Payload); !strings.Contains(last, `"layer":"user:ada"`) || strings.Contains(last, "user:bob") {
		t.Errorf("the entry of the purge: %s, want it to name ada's copy only", last)
	}
	if again := s.mustPut("a.md", "ada again", by("ada")); again.Mode != sheaf.ModeCreated || again.ID == doc.ID {
		t.Errorf("writing there again: %+v", again)
	}
	s.wantWhole()
}

// A book is not empty as long as a user has anything in it, and takes that along
// when it is deleted with its documents.
func TestDeletingABook(t *testing.T) {
	s := open(t)
	doc := s.mustPut("a.md", "base")
	s.mustPut("a.md", "ada", by("ada"))
	s.mustPut("own.md", "own", by("ada"))
	s.mustPut("b.md", "in the trash")
	s.deleteAt("", "b.md")
	_, err := s.DeleteCollection(t.Context(), "book", library.CollectionDelete{})
	wantKind(t, "deleting a book with files", err, sheaf.ErrExists)
	stats, err := s.Collection(t.Context(), "book")
	if err != nil || stats.Documents != 1 || stats.Trashed != 1 || stats.SizeBytes != 4 {
		t.Errorf("the book has %+v, %v, want one document of the base and one in the trash", stats, err)
	}
	s.deleteAt("", "a.md")
	for _, trashed := range []string{"a.md", "b.md"} {
		trash, err := s.Trash(t.Context(), "book", "", 1)
		if err != nil || len(trash) != 1 {
			t.Fatalf("the trash before %s is purged: %+v, %v", trashed, trash, err)
		}
		must(t, "purging", sheaf.ModePurged)(s.PurgeDocument(t.Context(), trash[0].ID))
	}
	if _, err = s.DeleteCollection(t.Context(), "book", library.CollectionDelete{}); err == nil || !strings.Contains(err.Error(), "files of their own") {
		t.Errorf("deleting a book with what a user has alone: %v", err)
	}
	deleted, err := s.DeleteCollection(t.Context(), "book", library.CollectionDelete{WithDocuments: true, Confirm: "book"})
	if err != nil || deleted.Purged != 1 {
		t.Errorf("deleting it all: %+v, %v, want one purged", deleted, err)
	}
	_, err = s.Book(t.Context(), "book", false)
	wantKind(t, "describing a book that is deleted", err, sheaf.ErrNotFound)
	s.wantWhole()
	if again := s.mustPut("own.md", "anew"); again.ID == doc.ID || again.Mode != sheaf.ModeCreated {
		t.Errorf("writing to it again: %+v", again)
	}
	s.wantAt("ada", "own.md", "anew")
	s.wantAt("ada", "a.md", "")
	s.wantWhole()
}

// Limits are of the base. What users have does not count, though each content may
// only be so large.
func TestLimitsOfBooks(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "base")
	s.setLimits("book", sheaf.CollectionLimits{Documents: 1, Bytes: 6, Content: 10})
	_, err := s.put("b.md", "x")
	wantKind(t, "a second file", err, sheaf.ErrQuota)
	_, err = s.put("a.md", "seven..")
	wantKind(t, "more bytes", err, sheaf.ErrQuota)
	s.mustPut("a.md", "seven..", by("ada"))
	s.mustPut("b.md", "own", by("ada"))
	_, err = s.put("b.md", strings.Repeat("x", 11), by("ada"))
	wantKind(t, "a copy that is too large", err, sheaf.ErrTooLarge)
	_, err = s.put("c.md", randomText(1<<20), by("ada"))
	wantKind(t, "a copy that is far too large", err, sheaf.ErrTooLarge)
	s.deleteAt("ada", "b.md")
	s.mustPut("a.md", "six...")
	s.deleteAt("", "a.md")
	s.mustPut("b.md", "x")
	s.wantWhole()
}

// Documents of books stay in their book.
func TestBookDocumentsStay(t *testing.T) {
	s := open(t)
	doc := s.mustPut("a.md", "base")
	_, err := s.MoveDocument(t.Context(), doc.ID, "default", "")
	wantKind(t, "moving out of a book", err, sheaf.ErrUnsupported)
	_, err = s.MoveDocument(t.Context(), s.create("free").ID, "book", "")
	wantKind(t, "moving into a book", err, sheaf.ErrUnsupported)
}

// Of several documents that were at one path, one at most comes back, and none
// to a path that is taken.
func TestBulkRestoreOntoTakenPath(t *testing.T) {
	s := open(t)
	var ids []sheaf.DocumentID
	for _, path := range []string{"a.md", "A.md", "A.md/b.md"} {
		ids = append(ids, s.mustPut(path, path).ID)
		s.deleteAt("", path)
	}
	restore := func(ids ...sheaf.DocumentID) error {
		for _, dry := range []bool{true, false} {
			if _, err := s.RestoreDocuments(t.Context(), library.Selection{IDs: ids}, library.BulkOptions{DryRun: dry}); err != nil {
				return err
			}
		}
		return nil
	}
	wantKind(t, "two that some system takes for the same", restore(ids[0], ids[1]), sheaf.ErrExists)
	wantKind(t, "a file and one below it", restore(ids[1], ids[2]), sheaf.ErrExists)
	if err := restore(ids[0]); err != nil {
		t.Errorf("one of them: %v", err)
	}
	wantKind(t, "onto a path that is taken", restore(ids[1]), sheaf.ErrExists)
	s.wantWhole()
}

// Whatever is asked of a path is recorded with its book and its path.
func TestPathsAreRecorded(t *testing.T) {
	s := open(t)
	s.mustPut("a.md", "base")
	me := sheaf.Local("me")
	refused := sheaf.DigestOf([]byte("other"))
	missing := library.Place{Book: "book", Path: "no.md"}
	for operation, call := range map[string]func(*library.Session) error{
		"content.read": func(s *library.Session) error { return second(s.OpenAtPath(t.Context(), missing, library.Moment{})) },
		"content.edit": func(s *library.Session) error {
			return second(s.EditAtPath(t.Context(), missing, library.ContentEdit{}))
		},
		"content.move": func(s *library.Session) error {
			return second(s.MovePath(t.Context(), library.PathMove{Book: "book", From: "no.md", To: "yes.md"}))
		},
		"content.write": func(session *library.Session) error {
			return second(session.PutContent(t.Context(), library.FileWrite{Place: missing, Content: s.receive("x"), FileHash: &refused}))
		},
	} {
		s.record(me, call)
		e := s.audited(library.AuditQuery{Agents: []string{"me"}, Limit: 1})[0]
		if e.Operation != operation || e.BookID != "book" || e.Path != "no.md" || e.Status != sheaf.CallFailed {
			t.Errorf("%s of what is not there is recorded as %+v", operation, e)
		}
	}
	// A write that makes the book and is then refused is still a write.
	s.record(me, func(session *library.Session) error {
		return second(session.PutContent(t.Context(), library.FileWrite{
			Place: library.Place{Book: "another", Path: "a.md"}, Content: s.receive("x"), First: true}))
	})
	s.record(me, func(session *library.Session) error {
		return second(session.PutContent(t.Context(), library.FileWrite{
			Place: library.Place{Book: "another", Path: "a.md"}, Content: s.receive("y"), First: true}))
	})
	entries := s.audited(library.AuditQuery{Agents: []string{"me"}, Collections: []string{"another"}})
	var got []string
	for _, e := range entries {
		got = append(got, e.Operation+" "+e.Path+" "+string(e.ErrorCode))
	}
	if want := "content.write a.md precondition_failed; content.write a.md ; book.create  "; strings.Join(got, "; ") != want {
		t.Errorf("making a book by writing is recorded as %q, want %q", got, want)
	}
}

// An archive of a book has the files of its base at their paths.
func TestArchiveOfABook(t *testing.T) {
	s := open(t)
	s.mustPut("content/a.md", "base\n")
	s.mustPut("content/a.md", "own\n", by("ada"))
	s.mustPut("own.md", "own\n", by("ada"))
	s.wantArchive("a book", s.archive(library.ArchiveSelection{Query: library.DocumentQuery{Collection: "book"}}),
		map[string]string{"content/a.md": "base\n"})
}
