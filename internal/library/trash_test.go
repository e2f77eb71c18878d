package library_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// must returns the answer to a change, which has to succeed in the mode.
func must(t testing.TB, what string, mode sheaf.ChangeMode) func(sheaf.Change, error) sheaf.Change {
	return func(change sheaf.Change, err error) sheaf.Change {
		t.Helper()
		if err != nil || change.Mode != mode {
			t.Fatalf("%s: mode %q, %v, want %s", what, change.Mode, err, mode)
		}
		return change
	}
}

func (s *store) restore(id sheaf.DocumentID, in library.Restoration) (sheaf.Change, error) {
	return s.RestoreDocument(s.t.Context(), id, in)
}

// described is what a restoration brings back of a document.
func described(doc sheaf.Document) sheaf.Document {
	doc.UpdatedAt = doc.UploadedAt
	return doc
}

func (s *store) wantDescribed(what string, got, want sheaf.Document) {
	s.t.Helper()
	if !reflect.DeepEqual(described(got), described(want)) {
		s.t.Errorf("%s:\n%+v, want\n%+v", what, got, want)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := open(t)
	first := s.create("first", func(in *library.NewDocument) {
		in.Name, in.Tags, in.Description, in.Metadata = "First", []string{"a b", "c"}, "about", json.RawMessage(`{"k":1}`)
	})
	name, tags := "Second", []string{"a", "b c"}
	changed := must(t, "a change", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), first.ID,
		library.DocumentChange{Name: &name, Tags: &tags, Metadata: json.RawMessage(`{}`)}))
	written := s.mustWrite(sheaf.ModeUpdated, first.ID, "# second\n", func(in *library.ContentWrite) { in.Filename = "b.md" })

	// By version, the content comes back and all that is said of it stays.
	byVersion := must(t, "restoring version 1", sheaf.ModeRestored)(s.restore(first.ID, library.Restoration{Version: 1, Message: "back"}))
	if byVersion.Version != 1 || byVersion.PreviousVersion != 2 || byVersion.Name != "Second" || byVersion.Digest != first.Digest || byVersion.MIME != first.MIME {
		t.Errorf("restored version 1: %+v, want the first content under the second name", byVersion)
	}
	s.wantRead(first.ID, "first")
	s.wantWhole()

	// Undone, all is as before.
	undone := must(t, "undoing it", sheaf.ModeRestored)(s.restore(first.ID, library.Restoration{Revision: byVersion.PreviousRevision}))
	s.wantDescribed("after undoing it", undone.Document, written.Document)
	s.wantRead(first.ID, "# second\n")

	// By revision, everything comes back.
	byRevision := must(t, "restoring the first revision", sheaf.ModeRestored)(s.restore(first.ID, library.Restoration{Revision: changed.PreviousRevision}))
	s.wantDescribed("restored to the first revision", byRevision.Document, first)
	s.wantRead(first.ID, "first")
	undone = must(t, "undoing that", sheaf.ModeRestored)(s.restore(first.ID, library.Restoration{Revision: byRevision.PreviousRevision}))
	s.wantDescribed("after undoing that", undone.Document, written.Document)
	again := must(t, "restoring what is", sheaf.ModeUnchanged)(s.restore(first.ID, library.Restoration{Version: 2}))
	if again.Revision != undone.Revision {
		t.Errorf("restoring what is: revision %d, want still %d", again.Revision, undone.Revision)
	}
	must(t, "restoring nothing", sheaf.ModeUnchanged)(s.restore(first.ID, library.Restoration{}))

	// The next content has a number of its own, from wherever one goes on.
	must(t, "restoring version 1", sheaf.ModeRestored)(s.restore(first.ID, library.Restoration{Version: 1}))
	if next := s.mustWrite(sheaf.ModeUpdated, first.ID, "third"); next.Version != 3 || next.PreviousVersion != 1 {
		t.Errorf("a write after going back to version 1: version %d after %d, want 3 after 1", next.Version, next.PreviousVersion)
	}
	s.wantVersions(first.ID, 3)

	for what, in := range map[string]library.Restoration{
		"version 9":                        {Version: 9},
		"a revision before it was created": {Revision: 1},
	} {
		_, err := s.restore(first.ID, in)
		wantKind(t, "restoring "+what, err, sheaf.ErrNotFound)
	}
	for what, in := range map[string]library.Restoration{
		"both": {Version: 1, Revision: 2}, "a negative version": {Version: -1}, "a negative revision": {Revision: -1},
		"a revision to come": {Revision: 1000},
	} {
		_, err := s.restore(first.ID, in)
		wantKind(t, "restoring "+what, err, sheaf.ErrInvalid)
	}
	_, err := s.restore("doc_000000000000", library.Restoration{})
	wantKind(t, "restoring what never was", err, sheaf.ErrNotFound)
	s.wantWhole()
}

// A document goes back to having had no content, and on from there.
func TestRestoreOfAPlaceholder(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc := s.placeholder(func(in *library.NewDocument) { in.Name, in.Filename = "Later", "later.md" })
	written := s.mustWrite(sheaf.ModeUpdated, doc.ID, "# Now\n")
	past, _, err := s.DocumentAt(t.Context(), doc.ID, library.Moment{Revision: written.PreviousRevision})
	if err != nil {
		t.Fatal(err)
	}
	s.wantDescribed("the placeholder as it was", past, doc)
	_, err = s.OpenDocumentAt(t.Context(), doc.ID, library.Moment{Revision: written.PreviousRevision})
	wantKind(t, "the content it did not have", err, sheaf.ErrNotFound)

	back := must(t, "undoing the first write", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{Revision: written.PreviousRevision}))
	s.wantDescribed("the placeholder again", back.Document, doc)
	_, err = s.read(doc.ID)
	wantKind(t, "reading it", err, sheaf.ErrNotFound)
	s.wantWhole()
	if again := s.mustWrite(sheaf.ModeUpdated, doc.ID, "# Then\n"); again.Version != 2 || again.MIME != "text/markdown" {
		t.Errorf("written again: %+v, want version 2 in Markdown", again)
	}
	s.wantWhole()
}

func TestTrash(t *testing.T) {
	t.Parallel()
	s := open(t)
	doc, kept := s.create("thrown away"), s.create("kept")
	deleted := must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))
	if trash, err := s.Trash(t.Context(), "", "", 10); err != nil || len(trash) != 1 || trash[0].ID != doc.ID {
		t.Errorf("the trash: %+v, %v, want the document", trash, err)
	}
	for what, err := range map[string]error{
		"Document": second(s.Document(t.Context(), doc.ID)), "OpenDocument": second(s.OpenDocument(t.Context(), doc.ID, 0)),
		"OpenDocument of a version": second(s.OpenDocument(t.Context(), doc.ID, 1)),
		"WriteContent":              second(s.write(doc.ID, "x")), "EditContent": second(s.edit(doc.ID, edits(appending("x")))),
		"ChangeDocument": second(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{})),
		"DeleteDocument": second(s.DeleteDocument(t.Context(), doc.ID)),
		"DocumentAt":     second2(s.DocumentAt(t.Context(), doc.ID, library.Moment{Revision: deleted.Revision})),
	} {
		wantKind(t, what+" in the trash", err, sheaf.ErrNotFound)
	}
	_, err := s.PurgeDocument(t.Context(), kept.ID)
	wantKind(t, "purging what is not in the trash", err, sheaf.ErrExists)
	s.wantVersions(doc.ID, 1)

	restored := must(t, "restoring", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{}))
	s.wantDescribed("restored", restored.Document, doc)
	s.wantRead(doc.ID, "thrown away")
	if trash, err := s.Trash(t.Context(), "default", "", 10); err != nil || trash == nil || len(trash) != 0 {
		t.Errorf("the trash after restoring: %+v, %v, want none", trash, err)
	}
	if listed := s.list(library.DocumentQuery{}); len(listed) != 2 {
		t.Errorf("%d documents are listed after restoring, want 2", len(listed))
	}
	// Undone, it is in the trash again; and that undone, it is not.
	undone := must(t, "undoing the restoration", sheaf.ModeDeleted)(s.restore(doc.ID, library.Restoration{Revision: restored.PreviousRevision}))
	_, err = s.read(doc.ID)
	wantKind(t, "reading then", err, sheaf.ErrNotFound)
	must(t, "undoing that", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{Revision: undone.PreviousRevision}))
	s.wantRead(doc.ID, "thrown away")

	// Out of the trash with another content at once.
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "another")
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))
	must(t, "restoring version 1 from the trash", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{Version: 1}))
	s.wantRead(doc.ID, "thrown away")
	s.wantWhole()
}

func TestTrashInPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	var want []sheaf.DocumentID
	for range 7 {
		doc := s.create("x")
		if _, err := s.DeleteDocument(t.Context(), doc.ID); err != nil {
			t.Fatal(err)
		}
		want = append([]sheaf.DocumentID{doc.ID}, want...)
	}
	for _, limit := range []int{1, 3, 7, 50} {
		var got []sheaf.DocumentID
		for after := sheaf.DocumentID(""); ; after = got[len(got)-1] {
			page, err := s.Trash(t.Context(), "", after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range page {
				got = append(got, doc.ID)
			}
			if len(page) < limit || len(got) == 0 {
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the trash in pages of %d: %v, want %v", limit, got, want)
		}
	}
	_, err := s.Trash(t.Context(), "", "", 0)
	wantFields(t, "a page of none", err, "limit")
	_, err = s.Trash(t.Context(), "unknown", "", 1)
	wantKind(t, "the trash of no collection", err, sheaf.ErrNotFound)
}

// What is purged is gone for whoever asks, and its bytes are referred to no more.
func TestPurge(t *testing.T) {
	t.Parallel()
	s := open(t)
	large := string(blobtest.Random(100_000))
	doc := s.create("shared")
	sharing := s.create("shared")
	s.mustWrite(sheaf.ModeUpdated, doc.ID, large)
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))
	s.drain()
	s.wantPlan(sheaf.GarbagePlan{})
	purged := must(t, "purging", sheaf.ModePurged)(s.PurgeDocument(t.Context(), doc.ID))
	s.wantPlan(sheaf.GarbagePlan{UnreferencedBlobs: 1, UnreferencedBytes: 100_000})

	moment := library.Moment{Revision: purged.PreviousRevision - 1}
	for what, err := range map[string]error{
		"Document": second(s.Document(t.Context(), doc.ID)), "OpenDocument": second(s.OpenDocument(t.Context(), doc.ID, 0)),
		"OpenDocument of a version": second(s.OpenDocument(t.Context(), doc.ID, 1)),
		"OpenDocumentAt":            second(s.OpenDocumentAt(t.Context(), doc.ID, moment)),
		"DocumentAt":                second2(s.DocumentAt(t.Context(), doc.ID, moment)),
		"DocumentAt now":            second2(s.DocumentAt(t.Context(), doc.ID, library.Moment{})),
		"WriteContent":              second(s.write(doc.ID, "x")), "EditContent": second(s.edit(doc.ID, edits(appending("x")))),
		"ChangeDocument": second(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{})),
		"DeleteDocument": second(s.DeleteDocument(t.Context(), doc.ID)), "PurgeDocument": second(s.PurgeDocument(t.Context(), doc.ID)),
		"RestoreDocument":      second(s.restore(doc.ID, library.Restoration{})),
		"RestoreDocument to 1": second(s.restore(doc.ID, library.Restoration{Version: 1})),
		"Versions":             second(s.Versions(t.Context(), doc.ID, 0, 1)), "Version": second(s.Version(t.Context(), doc.ID, 1)),
		"Compare": second(s.Compare(t.Context(), doc.ID, 1, 2, 3)),
	} {
		wantKind(t, what+" of a purged document", err, sheaf.ErrGone)
	}
	if trash, err := s.Trash(t.Context(), "", "", 10); err != nil || len(trash) != 0 {
		t.Errorf("the trash after purging: %+v, %v, want none", trash, err)
	}
	if past := s.list(library.DocumentQuery{Collection: "default", At: moment}); len(past) != 1 || past[0].ID != sharing.ID {
		t.Errorf("the listing at revision %d: %+v, want only what was not purged", moment.Revision, past)
	}
	s.wantRead(sharing.ID, "shared")

	// The log keeps saying that it was there.
	entries, err := s.DocumentLog(t.Context(), doc.ID, 0, 10)
	if err != nil || len(entries) != 4 || entries[0].Operation != "document.purge" {
		t.Fatalf("the log of the purged document: %d entries, %v, want 4, the purge first", len(entries), err)
	}
	var payload sheaf.LogPayload
	if err := json.Unmarshal(entries[0].Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if len(payload.Documents) != 1 || payload.Documents[0].Before == nil || payload.Documents[0].After != nil {
		t.Errorf("the entry of the purge names %+v, want the document before it and nothing after", payload.Documents)
	}
	if stats, err := s.Collection(t.Context(), "default"); err != nil || stats.Documents != 1 || stats.Trashed != 0 {
		t.Errorf("the collection after purging: %+v, %v", stats, err)
	}
	s.wantWhole()

	// Its bytes are welcome again.
	again := s.create(large)
	s.wantPlan(sheaf.GarbagePlan{})
	s.wantRead(again.ID, large)
	s.wantWhole()
}

func second2[A, B any](_ A, _ B, err error) error { return err }
