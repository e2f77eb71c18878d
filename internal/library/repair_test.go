package library_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// openTwo opens a store with a second backend, and a collection on that.
func openTwo(t *testing.T, changes ...func(*setup)) *store {
	t.Helper()
	s := open(t, append(changes, func(set *setup) { set.others = map[string]blob.Backend{"second": memblob.New()} })...)
	if _, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "elsewhere", Backend: "second"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func elsewhere(in *library.NewDocument) { in.Collection = "elsewhere" }

// objectDamages is what may happen to an object behind the store's back. The
// backends of these tests have the size of an object for what it is, so that all
// but the last are found without reading.
var objectDamages = map[string]struct {
	do    func(stored []byte) []byte // nil: the object is removed
	quick bool
}{
	"missing":   {func([]byte) []byte { return nil }, true},
	"truncated": {func(stored []byte) []byte { return stored[:len(stored)/2] }, true},
	"longer":    {func(stored []byte) []byte { return append(stored, "more"...) }, true},
	"flipped":   {func(stored []byte) []byte { stored[len(stored)/2] ^= 0x10; return stored }, false},
}

// damage changes what a backend of memory has.
func (s *store) damage(memory blob.Backend, digest sheaf.Digest, change func([]byte) []byte) {
	s.t.Helper()
	key := blob.Key(digest.String())
	body, err := memory.Open(s.t.Context(), key, 0, -1)
	if err != nil {
		s.t.Fatal(err)
	}
	var stored bytes.Buffer
	if _, err := stored.ReadFrom(body); err != nil {
		s.t.Fatal(err)
	}
	if err := memory.Delete(s.t.Context(), key); err != nil {
		s.t.Fatal(err)
	}
	if changed := change(stored.Bytes()); changed != nil {
		if err := memory.Put(s.t.Context(), key, bytes.NewReader(changed), int64(len(changed))); err != nil {
			s.t.Fatal(err)
		}
	}
}

// repaired repairs the store and returns the one problem there has to be of a
// content.
func (s *store) repaired(full bool) sheaf.Problem {
	s.t.Helper()
	report, err := s.Repair(s.t.Context(), full)
	if err != nil {
		s.t.Fatalf("repairing: %v", err)
	}
	var blobs []sheaf.Problem
	for _, problem := range report.Problems {
		if problem.Area == "blobs" {
			blobs = append(blobs, problem)
		}
	}
	if len(blobs) != 1 {
		s.t.Fatalf("repairing found %+v, want one problem of a blob", report.Problems)
	}
	return blobs[0]
}

// A content of which there is another copy is whole after a repair, whatever
// happened to it; one without is put aside, and whole when it comes again.
func TestRepairFromCopy(t *testing.T) {
	t.Parallel()
	for name, damage := range objectDamages {
		for form, content := range damageable {
			for _, hasCopy := range []bool{true, false} {
				t.Run(fmt.Sprint(name, " ", form, " copy ", hasCopy), func(t *testing.T) {
					t.Parallel()
					memory := memblob.New()
					s := openTwo(t, func(set *setup) { set.backend = memory })
					doc, other := s.create(content), s.create("an innocent")
					if hasCopy {
						s.create(content, elsewhere)
					}
					s.drain()
					s.wantWhole()
					s.damage(memory, doc.Digest, damage.do)
					if problems := s.check(false); (len(problems) > 0) != damage.quick {
						t.Errorf("a quick check: %q, want problems: %t", problems, damage.quick)
					}
					problem := s.repaired(!damage.quick)
					if problem.Repaired != hasCopy || problem.Repair == "" || problem.Backend != fs || *problem.Digest != doc.Digest ||
						len(problem.Versions) != 1 || problem.Versions[0] != (sheaf.AffectedVersion{Document: doc.ID, Collection: "default", Name: doc.Name, Version: 1}) {
						t.Errorf("the problem is %+v, want it repaired: %t, and %s named", problem, hasCopy, doc.ID)
					}
					if !hasCopy {
						s.wantDamaged(doc.ID)
						s.create(content)
					}
					s.drain()
					s.wantRead(doc.ID, content)
					s.wantRead(other.ID, "an innocent")
					s.wantWhole()
					s.wantPlan(sheaf.GarbagePlan{})
				})
			}
		}
	}
}

// Files are put aside, not deleted, and what somebody puts back is taken back.
func TestRepairOfFiles(t *testing.T) {
	t.Parallel()
	for form, content := range damageable {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			s := openTwo(t)
			doc := s.create(content)
			s.drain()
			s = s.reopen() // or the upload is taken for one that is just being stored
			good, err := os.ReadFile(s.file(doc.Digest))
			if err != nil {
				t.Fatal(err)
			}
			s.flip(doc.Digest)
			if problem := s.repaired(true); problem.Repaired || !strings.Contains(problem.Repair, "no other copy") {
				t.Errorf("the repair of what has no copy: %+v", problem)
			}
			aside, _ := filepath.Glob(filepath.Join(s.setup.dir, "blobs", "quarantine", doc.Digest.String()+".*"))
			if len(aside) != 1 {
				t.Errorf("put aside are %q, want the damaged file", aside)
			}
			// A bad copy is not taken back, and not for what a writer brings.
			bad := bytes.Clone(good)
			bad[0] ^= 1
			if err := os.WriteFile(s.file(doc.Digest), bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if problem := s.repaired(false); problem.Repaired {
				t.Errorf("the repair with a bad copy put back: %+v", problem)
			}
			if _, err := os.Stat(s.file(doc.Digest)); err == nil {
				t.Error("a bad copy that was put back is still there")
			}
			if err := os.WriteFile(s.file(doc.Digest), good, 0o600); err != nil {
				t.Fatal(err)
			}
			if problem := s.repaired(false); !problem.Repaired || !strings.Contains(problem.Repair, "taken back") {
				t.Errorf("the repair of what was put back: %+v", problem)
			}
			s.wantRead(doc.ID, content)
			s.wantWhole()
		})
	}
}

// Bytes in the catalog that have gone bad are no loss when the backend has them
// already.
func TestRepairInline(t *testing.T) {
	t.Parallel()
	s := openTwo(t)
	content := string(blobtest.Random(500))
	one, two := s.create(content), s.create("another content")
	b, _ := s.blob(one.Digest)
	if err := s.blobs.PlaceBatch(t.Context(), fs, []blob.Ref{b.Ref}); err != nil {
		t.Fatal(err)
	}
	s.tamper(`update inline_blobs set bytes = zeroblob(length(bytes))`)
	report, err := s.Repair(t.Context(), false)
	if err != nil || len(report.Problems) < 2 {
		t.Fatalf("the repair: %+v, %v, want both contents named", report, err)
	}
	s.wantRead(one.ID, content)
	s.wantDamaged(two.ID)
	s.create("another content")
	s.wantRead(two.ID, "another content")
	s.drain()
	s.wantRead(one.ID, content)
	s.wantWhole()
}

// A catalog that has lost the row of a content finds its bytes again.
func TestRepairLostRow(t *testing.T) {
	t.Parallel()
	for form, content := range damageable {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			s := openTwo(t)
			doc := s.create(content)
			s.drain()
			s.tamper(`delete from blobs`)
			s = s.reopen()
			if problems := strings.Join(s.check(false), "\n"); !strings.Contains(problems, doc.Digest.String()) || !strings.Contains(problems, string(doc.ID)) {
				t.Errorf("the check says\n%s\nwant it to name %s of %s", problems, doc.Digest, doc.ID)
			}
			if problem := s.repaired(false); !problem.Repaired {
				t.Errorf("the repair: %+v", problem)
			}
			s.wantRead(doc.ID, content)
			s.drain()
			s.wantRead(doc.ID, content)
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}

// Repairs run while writers bring the very contents that are damaged, readers
// read them and the drain moves them. Nobody gets wrong bytes, and in the end
// everything is whole.
func TestRepairWhileInUse(t *testing.T) {
	t.Parallel()
	s := openTwo(t)
	contents := []string{string(blobtest.Random(100_000)), string(blobtest.Random(700)), prose("c", 300_000), prose("d", 3000)}
	var docs []sheaf.Document
	for _, content := range contents {
		docs = append(docs, s.create(content))
		s.create(content, elsewhere)
	}
	s.runBackground()
	done := make(chan struct{})
	var busy sync.WaitGroup
	for i, content := range contents {
		busy.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if _, err := s.try(content); err != nil && !sheaf.KindOf(err).Retryable() {
					t.Errorf("writing: %v", err)
				}
				if read, err := s.read(docs[i].ID); err == nil && read != content {
					t.Errorf("reading %s: other bytes than were written", docs[i].ID)
				} else if kind := sheaf.KindOf(err); err != nil && kind != sheaf.ErrDamaged {
					t.Errorf("reading %s: %v", docs[i].ID, err)
				}
			}
		})
	}
	for round := range 12 {
		for _, doc := range docs {
			if round%3 == 0 {
				_ = os.Remove(s.file(doc.Digest))
			} else if stored, err := os.ReadFile(s.file(doc.Digest)); err == nil {
				stored[len(stored)/2] ^= 1
				_ = os.WriteFile(s.file(doc.Digest), stored, 0o600)
			}
		}
		if _, err := s.Repair(t.Context(), round%2 == 0); err != nil {
			t.Fatalf("repairing: %v", err)
		}
	}
	close(done)
	busy.Wait()
	if _, err := s.Repair(t.Context(), true); err != nil {
		t.Fatalf("repairing: %v", err)
	}
	for i, doc := range docs {
		s.wantRead(doc.ID, contents[i])
	}
	eventually(t, "everything that was noted is dealt with", func() bool { return len(s.check(true)) == 0 })
}

// What somebody does to the views of the registry is found, and undone.
func TestRepairOfViews(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, id := range []string{"one", "two"} {
		if _, err := s.CreateBook(t.Context(), library.NewBook{ID: id, Title: id}); err != nil {
			t.Fatal(err)
		}
	}
	if problems := s.check(false); len(problems) > 0 {
		t.Errorf("before the views were written: %q, want them waited for", problems)
	}
	if _, err := s.WriteRegistry(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(s.setup.dir, filepath.FromSlash(name)) }
	want := map[string][]byte{}
	for _, name := range []string{"registry.yaml", "books/one/book.yaml", "books/two/book.yaml"} {
		text, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		want[name] = text
	}
	drift := func() {
		t.Helper()
		err := os.WriteFile(file("registry.yaml"), []byte("edited: by hand\n"), 0o644)
		if err == nil {
			err = os.Remove(file("books/one/book.yaml"))
		}
		if err == nil {
			err = os.MkdirAll(file("books/three"), 0o755)
		}
		if err == nil {
			err = os.WriteFile(file("books/three/book.yaml"), []byte("book_id: three\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	drift()
	const drifted = "views: registry.yaml is not what the catalog says null\n" +
		"views: books/one/book.yaml is missing null\nviews: books/three/book.yaml is of a book that is not there null"
	if got := strings.Join(s.check(false), "\n"); got != drifted {
		t.Errorf("the check says\n%s\nwant\n%s", got, drifted)
	}
	// A process that did not write them looks as closely, a while after the last change.
	s = s.reopen(func(set *setup) { set.clock = func() time.Time { return time.Now().Add(time.Hour) } })
	if got := strings.Join(s.check(false), "\n"); got != drifted {
		t.Errorf("after a restart the check says\n%s\nwant\n%s", got, drifted)
	}
	report, err := s.Repair(t.Context(), false)
	if err != nil || len(report.Problems) != 3 || report.Unrepaired() != 0 {
		t.Errorf("the repair: %+v, %v, want three problems, all repaired", report, err)
	}
	for name, text := range want {
		if got, err := os.ReadFile(file(name)); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s after the repair: %q, %v, want %q", name, got, err, text)
		}
	}
	if problems := s.check(true); len(problems) > 0 {
		t.Errorf("after the repair: %q", problems)
	}
}

// Orphans are no damage: a check counts them, and leaves them to the collection of
// garbage.
func TestCheckCountsOrphans(t *testing.T) {
	t.Parallel()
	memory := memblob.New()
	s := openTwo(t, func(set *setup) { set.backend = memory })
	s.create(string(blobtest.Random(100_000)))
	orphan := []byte("an orphan")
	if err := memory.Put(t.Context(), blob.Key(sheaf.DigestOf(orphan).String()), bytes.NewReader(orphan), int64(len(orphan))); err != nil {
		t.Fatal(err)
	}
	report, err := s.Check(t.Context(), false)
	want := []sheaf.BackendCheck{{Name: fs, Blobs: 1, Objects: 2, OrphanObjects: 1, OrphanBytes: 9}, {Name: "second"}}
	if err != nil || len(report.Problems) > 0 || fmt.Sprint(report.Backends) != fmt.Sprint(want) {
		t.Errorf("the check: %+v, %v, want %+v and no problems", report, err, want)
	}
	if _, err := s.Repair(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := memory.Stat(t.Context(), blob.Key(sheaf.DigestOf(orphan).String())); err != nil {
		t.Errorf("the orphan after a repair: %v, want it left to garbage collection", err)
	}
}
