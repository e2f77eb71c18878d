package library_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// One content is stored once, whoever has it, and stays as long as someone does.
func TestDeduplication(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"small": "small", "large and plain": string(blobtest.Random(300_000)), "large and deflated": prose("a", 5_000_000), "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			first := s.create(content, named("first"))
			second := s.create(content, named("second"))
			if first.ID == second.ID || first.Digest != second.Digest {
				t.Errorf("two documents of a content: %s and %s, %s and %s", first.ID, second.ID, first.Digest, second.Digest)
			}
			s.drain()
			third := s.create(content, named("third"))
			if n := s.blobCount(); n != 1 {
				t.Errorf("%d blobs, want 1", n)
			}
			for _, doc := range []sheaf.Document{first, second, third} {
				s.wantRead(doc.ID, content)
			}
			for _, doc := range []sheaf.Document{first, third} {
				if _, err := s.DeleteDocument(t.Context(), doc.ID); err != nil {
					t.Fatal(err)
				}
			}
			s.wantRead(second.ID, content)
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}

func TestSameContentFromManyAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, content := range []string{"small", string(blobtest.Random(300_000)), prose("a", 3_000_000)} {
		var created sync.Map
		var group sync.WaitGroup
		for range 8 {
			upload := s.receive(content)
			group.Go(func() {
				doc, err := s.CreateDocument(t.Context(), library.NewDocument{Content: upload, Filename: "f"})
				if err != nil {
					t.Errorf("creating one of many: %v", err)
				}
				created.Store(doc.ID, true)
			})
		}
		group.Wait()
		created.Range(func(id, _ any) bool { s.wantRead(id.(sheaf.DocumentID), content); return true })
	}
	if n := s.blobCount(); n != 3 {
		t.Errorf("%d blobs of 3 contents", n)
	}
	s.drain()
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
}

// A large content is in the backend before a document names it. When the commit
// fails then, what is left is known, is nobody's document, and is used when the
// content comes again.
func TestCommitFailsAfterPlacing(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := open(t, func(set *setup) { set.backend = backend })
	content := string(blobtest.Random(300_000))
	backend.afterPut = func() { s.catalog.Close() }
	_, err := s.try(content)
	wantKind(t, "creating while the store closes", err, sheaf.ErrUnavailable)
	if backend.puts.Load() != 1 {
		t.Fatalf("%d contents were put, want 1: before the commit", backend.puts.Load())
	}

	backend.afterPut = func() {}
	s = s.reopen()
	if found := s.list(library.DocumentQuery{}); len(found) != 0 {
		t.Errorf("%d documents, want none", len(found))
	}
	if b, found := s.blob(sheaf.DigestOf([]byte(content))); !found || b.State != catalog.BlobPending {
		t.Errorf("the blob: found %t in the state %d, want it pending", found, b.State)
	}
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{PendingBlobs: 1})

	doc := s.create(content)
	s.wantRead(doc.ID, content)
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
}

func TestPlacingFails(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := open(t, func(set *setup) { set.backend = backend })
	content := string(blobtest.Random(300_000))
	backend.down.Store(true)
	_, err := s.try(content)
	wantKind(t, "creating without a backend", err, sheaf.ErrBackendUnavailable)
	if found := s.list(library.DocumentQuery{}); len(found) != 0 {
		t.Errorf("%d documents, want none", len(found))
	}
	backend.down.Store(false)
	s.wantWhole()
	doc := s.create(content)
	s.wantRead(doc.ID, content)
	s.wantPlan(sheaf.GarbagePlan{})
}

func TestUploadThatEndsEarly(t *testing.T) {
	s := open(t)
	cut := errors.New("connection reset by peer")
	for _, size := range []int{0, 10, 100_000, 3_000_000} {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(cut))
		if _, err := s.Receive(t.Context(), body); !errors.Is(err, cut) {
			t.Errorf("an upload cut off after %d bytes: %v, want the reader's error", size, err)
		}
	}
	upload, err := s.Receive(t.Context(), strings.NewReader(string(blobtest.Random(200_000))))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := upload.Close(); err != nil {
			t.Errorf("closing an upload that was not used: %v", err)
		}
	}
	s.wantNothingSpooled()
	s.wantPlan(sheaf.GarbagePlan{})
}
