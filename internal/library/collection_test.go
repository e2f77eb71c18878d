package library_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func TestCollectionsAreMadeAndChanged(t *testing.T) {
	t.Parallel()
	s := open(t)
	made, err := s.CreateCollection(t.Context(), library.NewCollection{Name: " field-notes ", Description: "what was seen"})
	if err != nil || made.Name != "field-notes" || made.Title != "field-notes" || made.Policy != sheaf.PolicyUpsert || made.Status != sheaf.StatusActive ||
		made.Kind != sheaf.KindDocuments || made.Backend != fs || made.Revision != 1 || made.CreatedAt.IsZero() || made.Documents != 0 {
		t.Errorf("a new collection: %+v, %v", made, err)
	}
	_, err = s.CreateCollection(t.Context(), library.NewCollection{Name: "field-notes"})
	wantKind(t, "the same name again", err, sheaf.ErrExists)
	_, err = s.CreateCollection(t.Context(), library.NewCollection{Name: "X", Title: strings.Repeat("x", 256), Description: "\x00", Policy: "never"})
	wantFields(t, "all wrong", err, "name", "title", "description", "write_policy")

	into := func(in *library.NewDocument) { in.Collection = "field-notes" }
	s.create("12345", into)
	thrown := s.create("123", into)
	if _, err := s.DeleteDocument(t.Context(), thrown.ID); err != nil {
		t.Fatal(err)
	}
	all, err := s.Collections(t.Context())
	if err != nil || len(all) != 2 || all[0].Name != sheaf.DefaultCollection {
		t.Fatalf("all collections: %+v, %v, want default first", all, err)
	}
	if notes := all[1]; notes.Documents != 1 || notes.SizeBytes != 5 || notes.Trashed != 1 || notes.Revision != 4 {
		t.Errorf("the collection: %+v, want a document of 5 bytes and one in the trash at revision 4", notes)
	}

	title, policy := "Field notes", sheaf.PolicyRequireHash
	changed, err := s.ChangeCollection(t.Context(), "field-notes", library.CollectionChange{Title: &title, Policy: &policy})
	if err != nil || changed.Title != title || changed.Policy != policy || changed.Description != "what was seen" || changed.Revision != 5 {
		t.Errorf("changed: %+v, %v, want the title and policy at revision 5", changed, err)
	}
	changed, err = s.ChangeCollection(t.Context(), "field-notes", library.CollectionChange{Title: &title})
	if err != nil || changed.Revision != 5 {
		t.Errorf("changed to what it is: revision %d, %v, want still 5", changed.Revision, err)
	}
	bad, never, migrating := strings.Repeat("x", 256), sheaf.WritePolicy("never"), sheaf.StatusMigrating
	_, err = s.ChangeCollection(t.Context(), "field-notes", library.CollectionChange{Title: &bad, Policy: &never, Status: &migrating})
	wantFields(t, "all wrong", err, "title", "write_policy", "status")
	_, err = s.ChangeCollection(t.Context(), "unknown", library.CollectionChange{})
	wantKind(t, "changing what is not there", err, sheaf.ErrNotFound)
	_, err = s.Collection(t.Context(), "unknown")
	wantKind(t, "describing what is not there", err, sheaf.ErrNotFound)
	s.wantWhole()

	s = s.reopen()
	if again, err := s.Collection(t.Context(), "field-notes"); err != nil || again != changed {
		t.Errorf("after a restart: %+v, %v, want %+v", again, err, changed)
	}
}

func (s *store) setStatus(name string, status sheaf.CollectionStatus) {
	s.t.Helper()
	if _, err := s.ChangeCollection(s.t.Context(), name, library.CollectionChange{Status: &status}); err != nil {
		s.t.Fatalf("making %s %s: %v", name, status, err)
	}
}

func TestArchivedCollectionRefusesEveryWrite(t *testing.T) {
	t.Parallel()
	s := open(t)
	if _, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "old-notes"}); err != nil {
		t.Fatal(err)
	}
	into := func(in *library.NewDocument) { in.Collection = "old-notes" }
	doc, thrown := s.create(poem, into), s.create("thrown away", into)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, poemHead)
	if _, err := s.DeleteDocument(t.Context(), thrown.ID); err != nil {
		t.Fatal(err)
	}
	s.setStatus("old-notes", sheaf.StatusArchived)
	name := "new"
	attempts := func() map[string]error {
		return map[string]error{
			"CreateDocument": second(s.try("x", into)),
			"a placeholder":  second(s.CreateDocument(t.Context(), library.NewDocument{Name: "x", Collection: "old-notes"})),
			"ChangeDocument": second(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Name: &name})),
			"WriteContent":   second(s.write(doc.ID, "x")), "WriteContent merging": second(s.write(doc.ID, poemTail, over(poem), merging)),
			"EditContent": second(s.edit(doc.ID, edits(appending("x")))), "a dry run": second(s.edit(doc.ID, edits(appending("x")), dryRun)),
			"DeleteDocument": second(s.DeleteDocument(t.Context(), doc.ID)), "PurgeDocument": second(s.PurgeDocument(t.Context(), thrown.ID)),
			"RestoreDocument":    second(s.restore(thrown.ID, library.Restoration{})),
			"RestoreDocument to": second(s.restore(doc.ID, library.Restoration{Version: 1})),
		}
	}
	for what, err := range attempts() {
		wantKind(t, what+" in an archived collection", err, sheaf.ErrArchived)
	}
	s.wantRead(doc.ID, poemHead)
	s.wantVersions(doc.ID, 2)
	s.wantPlan(sheaf.GarbagePlan{})

	s.setStatus("old-notes", sheaf.StatusActive)
	s.mustWrite(sheaf.ModeMerged, doc.ID, poemTail, over(poem), merging)
	s.wantWhole()
}

// Once a collection is archived nothing in it changes, not even what was on its
// way.
func TestArchivingUnderWriters(t *testing.T) {
	t.Parallel()
	s := open(t)
	if _, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "old-notes"}); err != nil {
		t.Fatal(err)
	}
	into := func(in *library.NewDocument) { in.Collection = "old-notes" }
	doc := s.create("0", into)
	for range 20 {
		s.setStatus("old-notes", sheaf.StatusActive)
		var archived atomic.Bool
		var running sync.WaitGroup
		for w := range 4 {
			content := []string{"a", "b", "c", "d"}[w]
			upload := s.receive(content)
			running.Go(func() {
				for i := 0; !archived.Load(); i++ {
					var err error
					if w%2 == 0 {
						_, err = s.CreateDocument(t.Context(), library.NewDocument{Content: upload, Filename: "n.txt", Collection: "old-notes"})
					} else {
						_, err = s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: upload})
					}
					if err != nil && sheaf.KindOf(err) != sheaf.ErrArchived {
						t.Errorf("a write while the collection is archived: %v", err)
					}
				}
			})
		}
		s.setStatus("old-notes", sheaf.StatusArchived)
		revision := s.log("old-notes")[len(s.log("old-notes"))-1].Rev
		archived.Store(true)
		running.Wait()
		entries := s.log("old-notes")
		if last := entries[len(entries)-1]; last.Rev != revision || last.Operation != "collection.change" {
			t.Fatalf("revision %d, %s, follows the archiving at %d", last.Rev, last.Operation, revision)
		}
	}
	s.wantWhole()
}
