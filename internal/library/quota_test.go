package library_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// within makes a collection with limits, and returns what puts a document there.
func (s *store) within(name string, limits sheaf.CollectionLimits) func(*library.NewDocument) {
	s.t.Helper()
	made, err := s.CreateCollection(s.t.Context(), library.NewCollection{Name: name, Limits: limits})
	if err != nil || made.Limits != limits {
		s.t.Fatalf("creating %s: limits %+v, %v, want %+v", name, made.Limits, err, limits)
	}
	return func(in *library.NewDocument) { in.Collection = name }
}

func (s *store) setLimits(name string, limits sheaf.CollectionLimits) {
	s.t.Helper()
	changed, err := s.ChangeCollection(s.t.Context(), name, library.CollectionChange{Limits: &limits})
	if err != nil || changed.Limits != limits {
		s.t.Fatalf("setting the limits of %s: %+v, %v, want %+v", name, changed.Limits, err, limits)
	}
}

// Every way by which documents and bytes enter a collection stops at its limits.
func TestCollectionLimits(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{Documents: 2, Bytes: 20, Content: 12})
	placeholder := library.NewDocument{Name: "later", Collection: "field-notes"}

	_, err := s.try(strings.Repeat("x", 13), into)
	wantKind(t, "a content over the limit", err, sheaf.ErrTooLarge)
	doc := s.create("twelve bytes", into)
	_, err = s.try("nine more", into)
	wantKind(t, "bytes over the limit", err, sheaf.ErrQuota)
	for _, part := range []string{"field-notes", "holds 12 bytes", "limit is 20", "add 9"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("bytes over the limit: %q, want it to say %q", err, part)
		}
	}
	other, err := s.CreateDocument(t.Context(), placeholder)
	if err != nil {
		t.Fatalf("a placeholder within the limits: %v", err)
	}
	_, err = s.CreateDocument(t.Context(), placeholder)
	wantKind(t, "a placeholder too many", err, sheaf.ErrQuota)

	s.mustWrite(sheaf.ModeUpdated, other.ID, "12345678")
	_, err = s.write(other.ID, "123456789")
	wantKind(t, "a write over the limit", err, sheaf.ErrQuota)
	_, err = s.edit(other.ID, edits(appending("9")))
	wantKind(t, "an edit over the limit", err, sheaf.ErrQuota)
	_, err = s.write(other.ID, strings.Repeat("x", 13))
	wantKind(t, "a write of too large a content", err, sheaf.ErrTooLarge)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "nine bytes")
	s.mustWrite(sheaf.ModeUpdated, other.ID, "1234567890")
	_, err = s.restore(doc.ID, library.Restoration{Version: 1})
	wantKind(t, "restoring a larger version", err, sheaf.ErrQuota)

	if _, err := s.DeleteDocument(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	must(t, "restoring a larger version where there is room", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{Version: 1}))
	_, err = s.restore(other.ID, library.Restoration{})
	wantKind(t, "out of the trash over the limit", err, sheaf.ErrQuota)

	// Below what it holds it can only shrink.
	s.setLimits("field-notes", sheaf.CollectionLimits{Documents: 1, Bytes: 5, Content: 5})
	_, err = s.write(doc.ID, "twelve bytes and more")
	wantKind(t, "growing over lowered limits", err, sheaf.ErrTooLarge)
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "12 bytes now")
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "still 11...")
	name := "renamed"
	must(t, "a rename over the limit", sheaf.ModeUpdated)(s.ChangeDocument(t.Context(), doc.ID, library.DocumentChange{Name: &name}))
	must(t, "a deletion over the limit", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), doc.ID))

	s.setLimits("field-notes", sheaf.CollectionLimits{})
	must(t, "out of the trash without limits", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{}))
	_, err = s.CreateCollection(t.Context(), library.NewCollection{Name: "wrong", Limits: sheaf.CollectionLimits{Documents: -1, Bytes: -1, Content: -1}})
	wantFields(t, "negative limits", err, "limits.max_documents", "limits.max_bytes", "limits.max_content_bytes")
	s.wantWhole()
}

// Many documents at once stop at the limits as single ones do, and a dry run
// says so before.
func TestCollectionLimitsOfBulkChanges(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{Documents: 3, Bytes: 20, Content: 10})
	stays := s.create("1234", into).ID
	var trashed []sheaf.DocumentID
	for _, content := range []string{"12345678", "123456789"} {
		id := s.create(content, into).ID
		must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), id))
		trashed = append(trashed, id)
	}
	small, large := s.namedDocuments("a", "b", "c"), s.create("12345678901").ID

	move := (*library.Session).MoveDocuments
	restore := func(s *library.Session, ctx context.Context, in library.Selection, _ string, o library.BulkOptions) (sheaf.BulkChange, error) {
		return s.RestoreDocuments(ctx, in, o)
	}
	for _, test := range []struct {
		what   string
		change func(*library.Session, context.Context, library.Selection, string, library.BulkOptions) (sheaf.BulkChange, error)
		ids    []sheaf.DocumentID
		kind   sheaf.ErrorKind
		says   string
	}{
		{"too many documents", move, small, sheaf.ErrQuota, "holds 1 documents, its limit is 3 (max_documents), and this would add 3"},
		{"too many bytes", restore, trashed, sheaf.ErrQuota, "holds 4 bytes, its limit is 20 (max_bytes), and this would add 17"},
		{"too large a content", move, []sheaf.DocumentID{stays, large}, sheaf.ErrTooLarge, "1 of 2 documents cannot be changed"},
	} {
		for _, dry := range []bool{true, false} {
			_, err := test.change(s.Session, t.Context(), library.Selection{IDs: test.ids}, "field-notes", library.BulkOptions{DryRun: dry})
			wantKind(t, test.what, err, test.kind)
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %q, want it to say %q", test.what, err, test.says)
			}
		}
	}
	bulk(t, "as many as there is room for", 2, 0)(s.MoveDocuments(t.Context(), library.Selection{IDs: small[:2]}, "field-notes", library.BulkOptions{}))
	s.wantWhole()
}

// A content that goes into its backend before the commit is not placed when the
// collection has no room for it.
func TestLimitsBeforePlacing(t *testing.T) {
	t.Parallel()
	s := open(t)
	into := s.within("field-notes", sheaf.CollectionLimits{Bytes: 1000})
	large := strings.Repeat(fmt.Sprint(rand.Uint64()), 1<<16) + randomText(1<<17)
	_, err := s.try(large, into)
	wantKind(t, "a large content", err, sheaf.ErrQuota)
	doc := s.create("small", into)
	_, err = s.write(doc.ID, large)
	wantKind(t, "a large write", err, sheaf.ErrQuota)
	s.wantPlan(sheaf.GarbagePlan{})
}

func randomText(size int) string {
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(' ' + rand.IntN(95))
	}
	return string(text)
}

// What the writer remembers of a collection's usage is what a count gives,
// whatever was refused, rolled back and applied again, and limits are never passed.
func TestUsageIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	s := open(t)
	const documents, bytes = 40, 400
	into := s.within("field-notes", sheaf.CollectionLimits{Documents: documents, Bytes: bytes})
	stop := errors.New("refused after writing")
	var running sync.WaitGroup
	for w := range 8 {
		random := rand.New(rand.NewPCG(uint64(w), 1))
		contents := []*library.Upload{s.receive("x"), s.receive("1234567890"), s.receive(strings.Repeat("y", 30))}
		running.Go(func() {
			var own []sheaf.DocumentID
			for range 150 {
				var err error
				content := contents[random.IntN(len(contents))]
				switch n := random.IntN(6); {
				case n < 2 || len(own) == 0:
					in := library.NewDocument{Content: content, Filename: "n.txt"}
					into(&in)
					var doc sheaf.Document
					if doc, err = s.CreateDocument(t.Context(), in); err == nil {
						own = append(own, doc.ID)
					}
				case n < 4:
					_, err = s.WriteContent(t.Context(), own[random.IntN(len(own))], library.ContentWrite{Content: content})
				case n < 5:
					id := own[random.IntN(len(own))]
					if _, err = s.DeleteDocument(t.Context(), id); err != nil {
						_, err = s.RestoreDocument(t.Context(), id, library.Restoration{})
					}
				default: // makes the whole batch be applied again, with savepoints
					failed := s.catalog.Mutate(t.Context(), 0, func(tx *catalog.Tx) error {
						head, found, err := tx.Head(own[random.IntN(len(own))])
						if err != nil || !found {
							return err
						}
						after := head
						after.Deleted, after.Size = !head.Deleted, 1000
						if err := tx.UpdateDocument(head, &after); err != nil {
							return err
						}
						return stop
					})
					if failed != stop {
						t.Errorf("a mutation that fails after writing: %v, want its own error", failed)
					}
				}
				if kind := sheaf.KindOf(err); err != nil && kind != sheaf.ErrQuota && kind != sheaf.ErrNotFound {
					t.Errorf("a change of a limited collection: %v", err)
				}
				stats, err := s.Collection(t.Context(), "field-notes")
				if err != nil || stats.Documents > documents || stats.SizeBytes > bytes {
					t.Errorf("the collection holds %d documents, %d bytes, %v, want at most %d and %d", stats.Documents, stats.SizeBytes, err, documents, bytes)
				}
			}
		})
	}
	running.Wait()
	stats, err := s.Collection(t.Context(), "field-notes")
	if err != nil {
		t.Fatal(err)
	}
	collection, _ := s.catalog.Collection("field-notes")
	err = s.catalog.Mutate(t.Context(), 0, func(tx *catalog.Tx) error {
		used, err := tx.Usage(collection.PK)
		if want := (catalog.Usage{Documents: stats.Documents, Bytes: stats.SizeBytes}); used != want {
			t.Errorf("the writer remembers the usage %+v, a count gives %+v", used, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// However the calls went, in the end the limits are what is full.
	for {
		if _, err = s.try("1", into); err != nil {
			break
		}
	}
	wantKind(t, "filling it up", err, sheaf.ErrQuota)
	if stats, _ := s.Collection(t.Context(), "field-notes"); stats.Documents != documents && stats.SizeBytes != bytes {
		t.Errorf("filled up it holds %d documents, %d bytes, want one limit reached", stats.Documents, stats.SizeBytes)
	}
	s.wantWhole()
}
