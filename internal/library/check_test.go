package library_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// tamper changes the catalog behind the store's back.
func (s *store) tamper(statement string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.setup.dir, "documents.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// A quick check sees what is missing or has another size, a full one reads.
func TestCheckOfBlobs(t *testing.T) {
	t.Parallel()
	damages := map[string]struct {
		do    func(s *store, digest sheaf.Digest) error
		quick bool // whether a quick check finds it
	}{
		"missing":   {func(s *store, digest sheaf.Digest) error { return os.Remove(s.file(digest)) }, true},
		"truncated": {func(s *store, digest sheaf.Digest) error { return os.Truncate(s.file(digest), 100) }, true},
		"emptied":   {func(s *store, digest sheaf.Digest) error { return os.Truncate(s.file(digest), 0) }, true},
		"flipped":   {func(s *store, digest sheaf.Digest) error { s.flip(digest); return nil }, false},
	}
	for name, damage := range damages {
		for form, content := range damageable {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				s := open(t)
				doc, whole := s.create(content), s.create("whole")
				s.drain()
				s.wantWhole()
				if err := damage.do(s, doc.Digest); err != nil {
					t.Fatal(err)
				}
				for _, full := range []bool{false, true} {
					want := full || damage.quick
					problems := s.check(full)
					found := len(problems) == 1 && strings.HasPrefix(problems[0], "blobs: ") &&
						strings.Contains(problems[0], doc.Digest.String()) && strings.HasSuffix(problems[0], `["`+string(doc.ID)+`"]`)
					if want && !found || !want && len(problems) > 0 {
						t.Errorf("the check, full %t, found %q, want the blob of %s: %t", full, problems, doc.ID, want)
					}
				}
				s.wantRead(whole.ID, "whole")
			})
		}
	}
}

func TestCheckReport(t *testing.T) {
	t.Parallel()
	s := open(t)
	one := s.create(string(blobtest.Random(100_000)))
	s.create("inline")
	if _, err := s.DeleteDocument(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	report, err := s.Check(t.Context(), true)
	if err != nil || report.Documents != 2 || report.Versions != 2 || report.LogEntries != 4 || report.Blobs != 2 ||
		report.BytesRead != 100_006 || !report.Full || report.Problems == nil || len(report.Problems) != 0 {
		t.Errorf("a full check: %+v, %v", report, err)
	}
	quick, err := s.Check(t.Context(), false)
	if err != nil || quick.Blobs != 2 || quick.BytesRead != 6 || quick.Full {
		t.Errorf("a quick check: %+v, %v, want that it read the inline content only", quick, err)
	}
}

// What cannot be read is a finding, not the end of the check.
func TestCheckGoesOn(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := open(t, func(set *setup) { set.backend = backend })
	var docs []sheaf.Document
	for i := range 3 {
		docs = append(docs, s.create(fmt.Sprint("content ", i)))
	}
	s.drain()
	backend.broken.Store(true)
	if problems := s.check(true); len(problems) != len(docs) {
		t.Errorf("a check of a backend that is unreadable: %q, want a problem of each of %d blobs", problems, len(docs))
	}
	backend.broken.Store(false)
	backend.down.Store(true)
	for _, full := range []bool{false, true} {
		report, err := s.Repair(t.Context(), full)
		if err != nil || len(report.Problems) != 1 || report.Problems[0].Area != "backends" || report.Backends[0].Unchecked != int64(len(docs)) {
			t.Errorf("a check of a backend that is out of reach: %+v, %v, want that said, and nothing of its contents", report, err)
		}
	}
	backend.down.Store(false)
	for _, doc := range docs {
		if _, err := s.read(doc.ID); err != nil {
			t.Errorf("reading once the backend is back: %v", err)
		}
	}
	s.wantWhole()
}

func TestGarbagePlan(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.create(string(blobtest.Random(100_000)))
	s.create("inline")
	s.wantPlan(sheaf.GarbagePlan{})

	// An object that no row knows, one whose document never came, and a blob
	// that no version names any more.
	orphan := []byte("an orphan")
	path := s.file(sheaf.DigestOf(orphan))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, orphan, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "README"), []byte("no object"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.catalog.Mutate(t.Context(), 0, func(tx *catalog.Tx) error {
		pending := blob.Ref{Backend: fs, Digest: sheaf.DigestOf([]byte("pending")), Size: 7, StoredSize: 7, Encoding: blob.Identity}
		if _, _, err := tx.ReserveBlob(pending); err != nil {
			return err
		}
		unreferenced := []byte("unreferenced")
		_, err := tx.KeepBlob(blob.Ref{Backend: fs, Digest: sheaf.DigestOf(unreferenced), Size: 12, StoredSize: 12, Encoding: blob.Identity, Inline: unreferenced})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.wantPlan(sheaf.GarbagePlan{UnreferencedBlobs: 1, UnreferencedBytes: 12, OrphanObjects: 1, OrphanBytes: 9, PendingBlobs: 1})
	if _, err := os.Stat(path); err != nil {
		t.Errorf("after planning: %v, want that nothing is removed", err)
	}
}

// A plan says which backends did not answer, and what it has seen of the others.
func TestGarbagePlanOfABackendThatIsAway(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := openTwo(t, func(set *setup) { set.backend = backend })
	if err := s.throwAway(s.create("content", elsewhere).ID); err != nil {
		t.Fatal(err)
	}
	s.drain()
	backend.down.Store(true)
	s.wantPlan(sheaf.GarbagePlan{UnreferencedBlobs: 1, UnreferencedBytes: 7, Unavailable: fs})
}

// A collection that moves is on two backends. That only one of them has a content
// is no problem, and damage on either names what it hits.
func TestCheckWhileMoving(t *testing.T) {
	t.Parallel()
	s := openToMove(t)
	s.putFile("guide", "before.md", noise("before", 100_000))
	s.moveTo("guide", other)
	s.advance()
	after := s.putFile("guide", "after.md", noise("after", 100_000))
	if _, err := s.RollBackMove(t.Context(), "guide"); err != nil {
		t.Fatal(err)
	}
	s.wantPhase("guide", sheaf.MoveReturning) // what came after is on the other one only
	s.wantWhole()

	key := after.Digest.String()
	if err := os.Truncate(filepath.Join(s.setup.dir, "other", key[:2], key), 100); err != nil {
		t.Fatal(err)
	}
	problem := s.repaired(false)
	want := sheaf.AffectedVersion{Document: after.ID, Collection: "guide", Path: "after.md", Name: "after.md", Version: 1}
	if problem.Backend != other || len(problem.Versions) != 1 || problem.Versions[0] != want {
		t.Errorf("the problem is %+v, want it to name %+v", problem, want)
	}
}
