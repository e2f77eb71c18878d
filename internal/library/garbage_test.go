package library_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// collect collects garbage, which has to succeed.
func (s *store) collect(now bool) sheaf.GarbageReport {
	s.t.Helper()
	report, err := s.CollectGarbage(s.t.Context(), now)
	if err != nil {
		s.t.Fatalf("collecting garbage: %v", err)
	}
	return report
}

// createdFrom makes a document and closes its upload, as transports do.
func (s *store) createdFrom(content string) (sheaf.Document, error) {
	upload, err := s.Receive(s.t.Context(), strings.NewReader(content))
	if err != nil {
		return sheaf.Document{}, err
	}
	defer upload.Close()
	return s.CreateDocument(s.t.Context(), library.NewDocument{Content: upload, Filename: "note.txt"})
}

// throwAway deletes and purges a document.
func (s *store) throwAway(id sheaf.DocumentID) error {
	if _, err := s.DeleteDocument(s.t.Context(), id); err != nil {
		return err
	}
	_, err := s.PurgeDocument(s.t.Context(), id)
	return err
}

// What nothing refers to is condemned, kept for the time of grace, and then gone.
func TestGarbageCollection(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, func(set *setup) {
		set.clock, set.garbage.Grace = func() time.Time { return clock }, time.Hour
	})
	large := string(blobtest.Random(100_000))
	for _, content := range []string{large, "small", "kept"} {
		doc, err := s.createdFrom(content)
		if err != nil {
			t.Fatal(err)
		}
		if content != "kept" {
			if err := s.throwAway(doc.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.drain()
	digest := sheaf.DigestOf([]byte(large))
	if got := s.collect(false); got != (sheaf.GarbageReport{CondemnedBlobs: 2, InGraceBlobs: 2}) {
		t.Errorf("the first collection: %+v", got)
	}
	s.wantPlan(sheaf.GarbagePlan{UnreferencedBlobs: 2, UnreferencedBytes: 100_005, InGraceBlobs: 2})

	clock = clock.Add(59 * time.Minute)
	if got := s.collect(false); got != (sheaf.GarbageReport{InGraceBlobs: 2}) {
		t.Errorf("a collection within the grace: %+v", got)
	}
	// Who brings a condemned content revives it.
	again, err := s.createdFrom("small")
	if err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(2 * time.Minute)
	if got := s.collect(false); got != (sheaf.GarbageReport{DeletedBlobs: 1, DeletedBytes: 100_000}) {
		t.Errorf("a collection after the grace: %+v", got)
	}
	if _, err := os.Stat(s.file(digest)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of what was collected: %v, want that it is gone", err)
	}
	if _, found := s.blob(digest); found {
		t.Error("the catalog knows what was collected")
	}
	s.wantRead(again.ID, "small")
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
	if log := s.log(sheaf.SystemStream); len(log) != 1 || log[0].Operation != "garbage.collect" {
		t.Errorf("the log of the system: %+v, want the collection that deleted something", log)
	}
}

// Objects that nobody knows are removed once they are old, unless a version has
// lost the row of its blob: then they are all there is.
func TestOrphansAreSwept(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.garbage.Grace = time.Hour })
	doc, err := s.createdFrom("its row will be lost")
	if err != nil {
		t.Fatal(err)
	}
	s.drain()
	s.tamper(`delete from blobs`)
	old := time.Now().Add(-2 * time.Hour)
	write := func(content string, modified time.Time) string {
		path := s.file(sheaf.DigestOf([]byte(content)))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
		return path
	}
	orphan, fresh := write("an orphan", old), write("just put", time.Now())
	lost := write("its row will be lost", old)
	if got := s.collect(false); got != (sheaf.GarbageReport{OrphanObjects: 1, DeletedBytes: 9}) {
		t.Errorf("the collection: %+v", got)
	}
	for path, want := range map[string]bool{orphan: false, fresh: true, lost: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want that it is there: %t", path, err, want)
		}
	}
	if n := s.blobCount(); n != 0 {
		t.Errorf("%d blobs, want none", n)
	}
	if healed, err := s.createdFrom("its row will be lost"); err != nil {
		t.Errorf("storing it again: %v", err)
	} else {
		s.wantRead(healed.ID, "its row will be lost")
	}
	s.wantRead(doc.ID, "its row will be lost")
	s.wantWhole()
}

// What was placed for a write that was then refused is pending. It goes once the
// upload is closed, which might have been committed all the same.
func TestAbandonedUploadsAreCollected(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := open(t, func(set *setup) { set.backend = backend })
	doc, err := s.createdFrom("v1")
	if err != nil {
		t.Fatal(err)
	}
	backend.afterPut = func() {
		backend.afterPut = func() {}
		s.mustWrite(sheaf.ModeUpdated, doc.ID, "v2")
	}
	upload, err := s.Receive(t.Context(), strings.NewReader(string(blobtest.Random(200_000))))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: upload, FileHash: &doc.Digest})
	wantKind(t, "a write that somebody else was quicker than", err, sheaf.ErrConflict)
	if got := s.collect(true); got != (sheaf.GarbageReport{PendingBlobs: 1}) {
		t.Errorf("a collection while the upload is open: %+v", got)
	}
	upload.Close()
	if got := s.collect(true); got != (sheaf.GarbageReport{DeletedBlobs: 1, DeletedBytes: 200_000}) {
		t.Errorf("a collection afterwards: %+v", got)
	}
	s.wantRead(doc.ID, "v2")
	s.wantWhole()
}

// A collection that was cut off after it had claimed a content does not keep
// anybody from storing it.
func TestWriterFinishesARemoval(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"small": "small", "large": string(blobtest.Random(100_000))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			doc, err := s.createdFrom(content)
			if err != nil {
				t.Fatal(err)
			}
			s.drain()
			if err := s.throwAway(doc.ID); err != nil {
				t.Fatal(err)
			}
			s.tamper(`update blobs set state = 3`) // deleting
			s = s.reopen()
			again, err := s.createdFrom(content)
			if err != nil {
				t.Fatalf("storing what was being deleted: %v", err)
			}
			s.wantRead(again.ID, content)
			s.collect(true)
			s.wantRead(again.ID, content)
			s.wantWhole()
		})
	}
}

// A deletingBackend calls a function before it deletes an object.
type deletingBackend struct {
	blob.Backend
	beforeDelete func()
}

func (b *deletingBackend) Delete(ctx context.Context, key blob.Key) error {
	b.beforeDelete()
	return b.Backend.Delete(ctx, key)
}

// Who brings a content whose object is just being deleted waits, and stores it
// again: neither is the old object taken for the new one, nor the new one deleted.
func TestWritersWaitForARemoval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		content string
		orphan  bool
	}{
		"small": {"small", false}, "large": {string(blobtest.Random(100_000)), false},
		"small orphan": {"small", true}, "large orphan": {string(blobtest.Random(100_000)), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := &deletingBackend{Backend: memblob.New(), beforeDelete: func() {}}
			s := open(t, func(set *setup) { set.backend = backend })
			if test.orphan {
				key := blob.Key(sheaf.DigestOf([]byte(test.content)).String())
				if err := backend.Put(t.Context(), key, strings.NewReader(test.content), int64(len(test.content))); err != nil {
					t.Fatal(err)
				}
			} else {
				doc, err := s.createdFrom(test.content)
				if err != nil {
					t.Fatal(err)
				}
				s.drain()
				if err := s.throwAway(doc.ID); err != nil {
					t.Fatal(err)
				}
			}
			var doc sheaf.Document
			var writing sync.WaitGroup
			var begun atomic.Bool
			backend.beforeDelete = func() {
				if begun.Swap(true) {
					return
				}
				written := make(chan struct{})
				writing.Go(func() {
					defer close(written)
					var err error
					if doc, err = s.createdFrom(test.content); err != nil {
						t.Error(err)
					}
					s.drain()
				})
				select {
				case <-written:
					t.Error("the writer did not wait")
				case <-time.After(100 * time.Millisecond):
				}
			}
			if got := s.collect(true); got.DeletedBlobs+got.OrphanObjects != 1 {
				t.Errorf("the collection: %+v, want one deleted", got)
			}
			writing.Wait()
			s.wantRead(doc.ID, test.content)
			s.wantWhole()
		})
	}
}

// Who is about to name a content that it has found in the store must not lose it.
func TestUploadsKeepWhatTheyFound(t *testing.T) {
	t.Parallel()
	s := open(t)
	content := string(blobtest.Random(100_000))
	for range 2 { // placed, then found to be there
		upload, err := s.Receive(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := s.CreateDocument(t.Context(), library.NewDocument{Content: upload, Filename: "a.bin"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.throwAway(doc.ID); err != nil {
			t.Fatal(err)
		}
		if got := s.collect(true); got.DeletedBlobs != 0 || got.CondemnedBlobs != 0 {
			t.Errorf("a collection while the upload is open: %+v", got)
		}
		upload.Close()
	}
	if got := s.collect(true); got.DeletedBlobs != 1 {
		t.Errorf("a collection afterwards: %+v", got)
	}
}

// A damaged blob was found to be live by one writer and is being stored again by
// another: it is not live before its bytes are there.
func TestDamageBetweenReservingAndCommitting(t *testing.T) {
	t.Parallel()
	s := open(t)
	content := string(blobtest.Random(100_000))
	first, err := s.createdFrom(content)
	if err != nil {
		t.Fatal(err)
	}
	digest := first.Digest
	// What the other writer has done so far: a row, and no object.
	s.tamper(`create trigger damage after insert on documents begin update blobs set state = 0; end`)
	if err := os.Remove(s.file(digest)); err != nil {
		t.Fatal(err)
	}
	second, err := s.createdFrom(content)
	if err != nil {
		t.Fatal(err)
	}
	s.tamper(`drop trigger damage`)
	s.wantRead(second.ID, content)
	s.wantWhole()
}

// Many write, read and purge the same few contents while garbage is collected
// without grace. Whatever is there can be read.
func TestCollectingAmongWriters(t *testing.T) {
	t.Parallel()
	s := open(t)
	contents := []string{"one", "two", string(blobtest.Random(70_000)), string(blobtest.Random(90_000)), prose("a", 300_000)}
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var working sync.WaitGroup
	work := func(do func(random *rand.Rand) error) {
		working.Go(func() {
			random := rand.New(rand.NewPCG(1, rand.Uint64()))
			for ctx.Err() == nil {
				if err := do(random); err != nil {
					t.Error(err)
					stop()
				}
			}
		})
	}
	for range 6 {
		work(func(random *rand.Rand) error {
			content := contents[random.IntN(len(contents))]
			doc, err := s.createdFrom(content)
			if err != nil {
				return err
			}
			for range random.IntN(3) {
				if got, err := s.read(doc.ID); err != nil || got != content {
					t.Errorf("reading %s: %d bytes, %v, want %d", doc.ID, len(got), err, len(content))
				}
			}
			return s.throwAway(doc.ID)
		})
	}
	work(func(*rand.Rand) error { _, err := s.CollectGarbage(t.Context(), true); return err })
	work(func(*rand.Rand) error { _, err := s.Drain(t.Context()); return err })
	working.Wait()
	s.drain()
	s.collect(true)
	s.collect(true)
	s.drain()
	s.wantWhole()
	if n := s.blobCount(); n != 0 {
		t.Errorf("%d blobs are left, want none", n)
	}
	err := s.blobs.List(t.Context(), fs, func(info blob.Info) error {
		t.Errorf("the object %s is left", info.Key)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Retention removes what is too old, says so in the log, and what is left of it
// answers gone.
func TestRetention(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, func(set *setup) { set.clock = func() time.Time { return clock } })
	retention := sheaf.Retention{TrashDays: 10, HistoryDays: 5, HistoryVersions: 2}
	if _, err := s.ChangeCollection(t.Context(), "default", library.CollectionChange{Retention: &retention}); err != nil {
		t.Fatal(err)
	}
	doc := s.create("one\n")
	first := s.mustWrite(sheaf.ModeUpdated, doc.ID, "two\n")
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "three\n")
	must(t, "going back to version 2", sheaf.ModeRestored)(s.restore(doc.ID, library.Restoration{Version: 2}))
	s.mustWrite(sheaf.ModeUpdated, doc.ID, "four\n")
	trashed := s.create("trash")
	must(t, "deleting", sheaf.ModeDeleted)(s.DeleteDocument(t.Context(), trashed.ID))

	clock = clock.AddDate(0, 0, 5).Add(-time.Minute)
	if got := s.collect(false); got.PurgedDocuments != 0 || got.ExpiredVersions != 0 {
		t.Errorf("before anything is old: %+v", got)
	}
	clock = clock.AddDate(0, 0, 6)
	plan, err := s.PlanGarbage(t.Context())
	if err != nil || plan.PurgeableDocuments != 1 || plan.ExpirableVersions != 2 || plan.ExpirableBytes != 13 {
		t.Errorf("the plan: %+v, %v, want a document and the versions 1 and 2", plan, err)
	}
	archived, active := sheaf.StatusArchived, sheaf.StatusActive
	if _, err := s.ChangeCollection(t.Context(), "default", library.CollectionChange{Status: &archived}); err != nil {
		t.Fatal(err)
	}
	if got := s.collect(false); got.PurgedDocuments != 0 || got.ExpiredVersions != 0 {
		t.Errorf("of an archived collection: %+v", got)
	}
	if _, err := s.ChangeCollection(t.Context(), "default", library.CollectionChange{Status: &active}); err != nil {
		t.Fatal(err)
	}
	if got := s.collect(false); got.PurgedDocuments != 1 || got.ExpiredVersions != 2 {
		t.Errorf("the collection: %+v, want a document and two versions", got)
	}

	versions := []bool{}
	listed, err := s.Versions(t.Context(), doc.ID, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range listed {
		versions = append(versions, v.Purged)
	}
	if text, _ := json.Marshal(versions); string(text) != "[false,false,true,true]" {
		t.Errorf("purged, from version 4 down: %s", text)
	}
	hash := doc.Digest
	for what, err := range map[string]error{
		"opening version 1":         second(s.OpenDocument(t.Context(), doc.ID, 1)),
		"opening what was then":     second(s.OpenDocumentAt(t.Context(), doc.ID, library.Moment{Revision: first.Revision})),
		"restoring version 2":       second(s.restore(doc.ID, library.Restoration{Version: 2})),
		"restoring the revision":    second(s.restore(doc.ID, library.Restoration{Revision: first.Revision})),
		"comparing 1 and 4":         second(s.Compare(t.Context(), doc.ID, 1, 4, 3)),
		"describing the trashed":    second(s.Document(t.Context(), trashed.ID)),
		"restoring what was purged": second(s.restore(trashed.ID, library.Restoration{})),
	} {
		wantKind(t, what, err, sheaf.ErrGone)
	}
	if past, _, err := s.DocumentAt(t.Context(), doc.ID, library.Moment{Revision: first.Revision}); err != nil || past.Version != 2 {
		t.Errorf("describing what was then: %+v, %v", past, err)
	}
	_, err = s.write(doc.ID, "five\n", func(in *library.ContentWrite) { in.FileHash, in.Merge = &hash, true })
	var conflict *sheaf.Error
	if !errors.As(err, &conflict) || conflict.Conflict == nil || conflict.Conflict.BaseVersion != 0 || conflict.Conflict.Merge != nil {
		t.Errorf("merging with an expired version: %v, want a conflict without a merge", err)
	}
	s.wantRead(doc.ID, "four\n")
	operations := map[string]string{}
	for _, entry := range s.log("default") {
		operations[entry.Operation] = string(entry.Payload)
	}
	if entry := operations["retention.purge"]; !strings.Contains(entry, string(trashed.ID)) || !strings.Contains(entry, `"principal":"system"`) {
		t.Errorf("the entry of the purge: %q", entry)
	}
	if entry := operations["retention.expire"]; !strings.Contains(entry, `"document_id":"`+string(doc.ID)+`","versions":[1,2]`) {
		t.Errorf("the entry of the expiry: %q", entry)
	}
	s.wantWhole()
}

func TestRetentionThatMakesNoSense(t *testing.T) {
	s := open(t)
	for what, test := range map[string]struct {
		retention sheaf.Retention
		fields    []string
	}{
		"negative days":          {sheaf.Retention{TrashDays: -1}, []string{"retention.trash_days"}},
		"a history of millennia": {sheaf.Retention{HistoryDays: 1_000_000}, []string{"retention.history_days"}},
		"versions alone":         {sheaf.Retention{HistoryVersions: 3}, []string{"retention.history_versions"}},
		"all of it": {sheaf.Retention{TrashDays: -1, HistoryDays: -1, HistoryVersions: -1},
			[]string{"retention.trash_days", "retention.history_days", "retention.history_versions"}},
	} {
		_, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "brief", Retention: test.retention})
		wantFields(t, "creating with "+what, err, test.fields...)
		_, err = s.ChangeCollection(t.Context(), "default", library.CollectionChange{Retention: &test.retention})
		wantFields(t, "changing to "+what, err, test.fields...)
	}
}
