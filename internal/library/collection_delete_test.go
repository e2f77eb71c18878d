package library_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A loggedOperation is an entry of the log: what was done, the id that it shares
// with others, and how many documents it names.
type loggedOperation struct {
	name, id  string
	documents int
}

// operations returns what the log of a stream tells after a revision.
func (s *store) operations(stream string, after int64) (operations []loggedOperation) {
	s.t.Helper()
	for _, e := range s.log(stream) {
		if e.Rev <= after {
			continue
		}
		var payload sheaf.LogPayload
		if err := json.Unmarshal(e.Payload, &payload); err != nil {
			s.t.Fatalf("the payload of %s in %s: %v", e.Operation, stream, err)
		}
		operations = append(operations, loggedOperation{e.Operation, payload.OperationID, len(payload.Documents)})
	}
	return operations
}

// fill makes so many documents, many at once.
func (s *store) fill(documents int, into func(*library.NewDocument)) {
	s.t.Helper()
	var running sync.WaitGroup
	const writers = 16
	for w := range writers {
		running.Go(func() {
			for i := w; i < documents; i += writers {
				in := library.NewDocument{Name: "note"}
				into(&in)
				if _, err := s.CreateDocument(s.t.Context(), in); err != nil {
					s.t.Errorf("making one of %d documents: %v", documents, err)
				}
			}
		})
	}
	running.Wait()
}

// wantNoCollection checks that nobody finds a collection any more.
func (s *store) wantNoCollection(name string) {
	s.t.Helper()
	_, err := s.Collection(s.t.Context(), name)
	wantKind(s.t, "describing a deleted collection", err, sheaf.ErrNotFound)
	_, err = s.Documents(s.t.Context(), library.DocumentQuery{Collection: name, Limit: 1})
	wantKind(s.t, "listing a deleted collection", err, sheaf.ErrNotFound)
	_, err = s.Trash(s.t.Context(), name, "", 10)
	wantKind(s.t, "the trash of a deleted collection", err, sheaf.ErrNotFound)
	_, err = s.CollectionLog(s.t.Context(), name, 0, 10)
	wantKind(s.t, "the log of a deleted collection", err, sheaf.ErrNotFound)
	_, err = s.CreateDocument(s.t.Context(), library.NewDocument{Name: "x", Collection: name})
	wantKind(s.t, "a document for a deleted collection", err, sheaf.ErrNotFound)
	all, err := s.Collections(s.t.Context())
	if err != nil || slices.ContainsFunc(all, func(c sheaf.CollectionStats) bool { return string(c.Name) == name }) {
		s.t.Errorf("all collections: %+v, %v, want none named %s", all, err, name)
	}
}

func TestDeleteEmptyCollection(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{Documents: 1})
	doc := s.create("kept", into)
	_, err := s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{})
	wantKind(t, "deleting a collection with a document", err, sheaf.ErrExists)
	must(t, "a deletion", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))
	_, err = s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{})
	wantKind(t, "deleting a collection with a document in its trash", err, sheaf.ErrExists)
	if err == nil || !strings.Contains(err.Error(), "trash") {
		t.Errorf("deleting a collection with a document in its trash: %v, want it to say so", err)
	}
	must(t, "a purge", sheaf.ModePurged)(s.PurgeDocument(t.Context(), doc.ID))
	deleted, err := s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{})
	if err != nil || deleted.Name != "field-notes" || deleted.Purged != 0 || deleted.Revision != 5 || deleted.AuditEntryID == 0 {
		t.Errorf("deleting an empty collection: %+v, %v, want revision 5", deleted, err)
	}
	s.wantNoCollection("field-notes")
	_, err = s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{})
	wantKind(t, "deleting it again", err, sheaf.ErrNotFound)
	_, err = s.DeleteCollection(t.Context(), string(sheaf.DefaultCollection), library.CollectionDelete{WithDocuments: true, Confirm: string(sheaf.DefaultCollection)})
	wantFields(t, "deleting the default collection", err, "name")
	s.wantWhole()
}

func TestDeleteCollectionWithDocuments(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{})
	const documents = 450 // three batches
	first, trashed := s.create("first", into), s.create("thrown away", into)
	s.fill(documents-2, into)
	must(t, "a deletion", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), trashed.ID))
	outside := s.create("outside")
	if _, err := s.Relate(t.Context(), outside.ID, library.NewRelation{Type: sheaf.RelationRelated, Other: first.ID}); err != nil {
		t.Fatal(err)
	}
	for _, confirm := range []string{"", "field-note", "Field-notes", "field-notes "} {
		_, err := s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{WithDocuments: true, Confirm: confirm})
		wantFields(t, "confirming with "+confirm, err, "confirm")
	}
	creator := s.As(sheaf.Principal{ID: "agent:creator", Scopes: sheaf.Scopes(sheaf.ScopeCreate, sheaf.ScopeWrite)})
	all := library.CollectionDelete{WithDocuments: true, Confirm: "field-notes"}
	_, err := creator.DeleteCollection(t.Context(), "field-notes", all)
	wantKind(t, "deleting documents without the scope admin", err, sheaf.ErrForbidden)

	before := s.log("field-notes")
	rev := before[len(before)-1].Rev
	deleted, err := s.DeleteCollection(t.Context(), "field-notes", all)
	if err != nil || deleted.Purged != documents || deleted.Revision != rev+5 {
		t.Errorf("deleted: %+v, %v, want %d documents and revision %d", deleted, err, documents, rev+5)
	}
	operations := s.operations("field-notes", rev)
	named, names := 0, []string{}
	for _, o := range operations {
		named += o.documents
		names = append(names, o.name)
		if o.id == "" || o.id != operations[0].id {
			t.Errorf("the operation id of %s is %q, want the same for all, not empty", o.name, o.id)
		}
	}
	want := []string{"collection.change", "document.purge", "document.purge", "document.purge", "collection.delete"}
	if named != documents || !slices.Equal(names, want) {
		t.Errorf("the log has %v, naming %d documents, want %v naming %d", names, named, want, documents)
	}
	s.wantNoCollection("field-notes")
	for _, id := range []sheaf.DocumentID{first.ID, trashed.ID} {
		_, err := s.Document(t.Context(), id)
		wantKind(t, "a document of a deleted collection", err, sheaf.ErrGone)
		_, err = s.restore(id, library.Restoration{})
		wantKind(t, "restoring it", err, sheaf.ErrGone)
		_, err = s.read(id)
		wantKind(t, "reading it", err, sheaf.ErrGone)
	}
	if entries, err := s.DocumentLog(t.Context(), first.ID, 0, 10); err != nil || len(entries) != 3 {
		t.Errorf("the log of a document of a deleted collection: %d entries, %v, want its creation, its relation and its purge", len(entries), err)
	}
	if listed := s.list(library.DocumentQuery{}); len(listed) != 1 || listed[0].ID != outside.ID {
		t.Errorf("all documents: %d, want the one outside", len(listed))
	}
	s.wantRelations(outside.ID)
	s.wantWhole()

	// Under its name, the stream goes on.
	s = s.reopen()
	s.wantNoCollection("field-notes")
	made, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "field-notes", Policy: sheaf.PolicyRequireHash})
	if err != nil || made.Revision != deleted.Revision+1 || made.Documents != 0 || made.Trashed != 0 ||
		made.Title != "field-notes" || made.Policy != sheaf.PolicyRequireHash || made.Status != sheaf.StatusActive {
		t.Errorf("created again: %+v, %v, want it empty at revision %d", made, err, deleted.Revision+1)
	}
	again := s.create("again", into)
	if again.Collection != "field-notes" || again.ID == first.ID {
		t.Errorf("a document of the collection that came back: %+v", again)
	}
	if listed := s.list(library.DocumentQuery{Collection: "field-notes"}); len(listed) != 1 {
		t.Errorf("the collection that came back lists %d documents, want 1", len(listed))
	}
	_, err = s.Document(t.Context(), first.ID)
	wantKind(t, "a document from before", err, sheaf.ErrGone)
	s.drain()
	s.wantWhole()
}

// A deletion that is interrupted after any of its transactions leaves the
// collection listed and refusing writes; deleting it again finishes.
func TestInterruptedDeletion(t *testing.T) {
	t.Parallel()
	for transactions := 1; transactions <= 3; transactions++ {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var left atomic.Int64 // transactions until the interruption; the clock is asked once in each
		s := open(t, func(set *setup) {
			set.clock = func() time.Time {
				if left.Add(-1) == 0 {
					cancel()
				}
				return time.Now()
			}
		})
		into := s.within("field-notes", sheaf.CollectionLimits{})
		s.fill(250, into) // two batches
		all := library.CollectionDelete{WithDocuments: true, Confirm: "field-notes"}
		left.Store(int64(transactions))
		if _, err := s.DeleteCollection(ctx, "field-notes", all); !errors.Is(err, context.Canceled) {
			t.Fatalf("a deletion interrupted after %d transactions: %v, want canceled", transactions, err)
		}

		s = s.reopen()
		stats, err := s.Collection(t.Context(), "field-notes")
		remaining := []int64{250, 50, 0}[transactions-1]
		if err != nil || stats.Status != sheaf.StatusDeleting || stats.Documents != remaining {
			t.Errorf("interrupted after %d transactions: %+v, %v, want %d documents being deleted", transactions, stats, err, remaining)
		}
		_, err = s.try("late", into)
		wantKind(t, "a document for a collection that is being deleted", err, sheaf.ErrArchived)
		active := sheaf.StatusActive
		_, err = s.ChangeCollection(t.Context(), "field-notes", library.CollectionChange{Status: &active})
		wantKind(t, "making it active again", err, sheaf.ErrArchived)
		_, err = s.CreateCollection(t.Context(), library.NewCollection{Name: "field-notes"})
		wantKind(t, "creating it meanwhile", err, sheaf.ErrExists)
		if remaining > 0 {
			_, err = s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{})
			wantKind(t, "deleting it without its documents", err, sheaf.ErrExists)
		}
		s.wantWhole()
		if deleted, err := s.DeleteCollection(t.Context(), "field-notes", all); err != nil || deleted.Purged != remaining {
			t.Errorf("deleting it again: %+v, %v, want %d documents purged", deleted, err, remaining)
		}
		s.wantNoCollection("field-notes")
		s.wantWhole()
	}
}

// Nothing slips into a collection while it is deleted under its writers.
func TestDeletingUnderWriters(t *testing.T) {
	t.Parallel()
	s := open(t)
	for range 10 {
		into := s.within("field-notes", sheaf.CollectionLimits{Documents: 100_000})
		doc := s.create("0", into)
		var running sync.WaitGroup
		for w := range 4 {
			upload := s.receive(string(rune('a' + w)))
			running.Go(func() {
				for {
					var err error
					if w%2 == 0 {
						_, err = s.CreateDocument(t.Context(), library.NewDocument{Content: upload, Filename: "n.txt", Collection: "field-notes"})
					} else {
						_, err = s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: upload})
					}
					switch sheaf.KindOf(err) {
					case "", sheaf.ErrArchived:
					case sheaf.ErrNotFound, sheaf.ErrGone:
						return
					default:
						t.Errorf("a write while the collection is deleted: %v", err)
						return
					}
				}
			})
		}
		_, err := s.DeleteCollection(t.Context(), "field-notes", library.CollectionDelete{WithDocuments: true, Confirm: "field-notes"})
		if err != nil {
			t.Errorf("deleting under writers: %v", err)
		}
		running.Wait()
		entries := s.log("field-notes")
		if last := entries[len(entries)-1]; last.Operation != "collection.delete" {
			t.Errorf("%s follows the deletion of the collection", last.Operation)
		}
	}
	s.wantWhole()
}

// betweenSteps is a context that does something whenever it is asked whether it
// is over.
type betweenSteps struct {
	context.Context
	do func()
}

func (c betweenSteps) Err() error {
	c.do()
	return c.Context.Err()
}

// Of two deletions of one collection, the one that came too late went on to delete
// the collection that was made under the name meanwhile, and what was in it.
func TestDeletionThatComesTooLate(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{})
	s.create("old", into)
	all := library.CollectionDelete{WithDocuments: true, Confirm: "field-notes"}
	var again sheaf.Document
	overtaken := betweenSteps{t.Context(), func() {
		if again.ID != "" {
			return
		}
		if stats, err := s.Collection(t.Context(), "field-notes"); err != nil || stats.Status != sheaf.StatusDeleting {
			return
		}
		if _, err := s.DeleteCollection(t.Context(), "field-notes", all); err != nil {
			t.Errorf("the deletion that came first: %v", err)
		}
		s.within("field-notes", sheaf.CollectionLimits{})
		again = s.create("new", into)
	}}
	_, err := s.DeleteCollection(overtaken, "field-notes", all)
	wantKind(t, "a deletion that was overtaken", err, sheaf.ErrNotFound)
	if _, err := s.Document(t.Context(), again.ID); err != nil {
		t.Errorf("the document of the collection made meanwhile: %v", err)
	}
	s.wantWhole()
}
