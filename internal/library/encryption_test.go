package library_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/memblob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Master keys of tests.
const (
	masterKey    = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	newMasterKey = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f"
)

func withMasterKeys(keys string) func(*setup) { return func(s *setup) { s.masterKeys = keys } }

// backendEncryption returns what is said of the one backend.
func (s *store) backendEncryption() sheaf.BackendEncryption {
	s.t.Helper()
	report, err := s.Encryption(s.t.Context())
	if err != nil || len(report.Backends) != 1 {
		s.t.Fatalf("Encryption: %+v, %v", report, err)
	}
	return report.Backends[0]
}

// wantSealed compares how many contents are sealed, by all keys, and how many not.
func (s *store) wantSealed(sealed, plain int64) {
	s.t.Helper()
	backend := s.backendEncryption()
	got := int64(0)
	for _, by := range backend.Sealed {
		got += by.Blobs
	}
	if got != sealed || backend.PlainBlobs != plain {
		s.t.Errorf("%d contents are sealed and %d are not, want %d and %d", got, backend.PlainBlobs, sealed, plain)
	}
}

// contentsOfAllKinds are contents that are stored in each of the ways there are.
func contentsOfAllKinds(salt string) []string {
	random := string(blobtest.Random(100_000))
	return []string{"", salt, prose(salt, 3000), prose(salt, 200_000), salt + random}
}

func TestEncryptionTurnedOnAndOff(t *testing.T) {
	t.Parallel()
	s := open(t)
	written := make(map[sheaf.DocumentID]string)
	create := func(salt string) {
		t.Helper()
		for i, content := range contentsOfAllKinds(salt) {
			written[s.create(content, named(fmt.Sprint(salt, i))).ID] = content
		}
	}
	wantAll := func() {
		t.Helper()
		for id, content := range written {
			s.wantRead(id, content)
		}
	}
	create("before")
	s.drain()
	create("inline")
	s = s.reopen(withMasterKeys(masterKey))
	wantAll()
	s.wantSealed(0, 8)
	create("after")
	create("before") // they are known
	s.wantSealed(4, 8)
	wantAll()
	s.drain()
	s.wantSealed(4, 8)
	wantAll()
	s.wantWhole()
	s = s.reopen(func(set *setup) { set.plain = true })
	create("off")
	create("after") // they are known
	s.wantSealed(4, 12)
	s.drain()
	wantAll()
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
}

// Damage of what is sealed is found by readers, put aside, and healed by the next
// push, as that of anything.
func TestDamageOfSealed(t *testing.T) {
	t.Parallel()
	for i, content := range contentsOfAllKinds("x")[1:] {
		s := open(t, withMasterKeys(masterKey))
		doc := s.create(content)
		s.drain()
		s.wantRead(doc.ID, content)
		s.flip(doc.Digest)
		s.wantDamaged(doc.ID)
		s.runBackground()
		eventually(t, "it is put aside", func() bool {
			b, _ := s.blob(doc.Digest)
			return b.State == catalog.BlobDamaged
		})
		again := s.create(content, named("again"))
		s.wantRead(doc.ID, content)
		s.wantRead(again.ID, content)
		s.drain()
		s.wantRead(doc.ID, content)
		if t.Failed() {
			t.Fatalf("content %d", i)
		}
	}
}

// A store that is opened with another master key, or with none, says so, serves
// none of what is sealed, takes nothing new, and harms nothing.
func TestWrongMasterKey(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"", newMasterKey} {
		s := open(t, func(set *setup) { set.scrubRate = 1 << 30 }, withMasterKeys(masterKey))
		var docs []sheaf.Document
		contents := contentsOfAllKinds("x")[1:]
		for i, content := range contents {
			docs = append(docs, s.create(content, named(fmt.Sprint(i))))
			if i == 1 {
				s.drain()
			}
		}
		right := s.backendEncryption().Sealed[0].Key
		s = s.reopen(withMasterKeys(keys))
		health := s.Health(t.Context())
		if health.Status != "degraded" || health.Backends[0].Status != "unavailable" || !strings.Contains(health.Backends[0].Detail, right) {
			t.Errorf("health: %+v, want a backend that misses the key %s", health, right)
		}
		if got := s.backendEncryption(); got.Sealed[0].Given || !strings.Contains(got.Problem, right) {
			t.Errorf("encryption: %+v, want a problem with the key %s", got, right)
		}
		if keys != "" {
			_, err := s.try("new")
			wantKind(t, "a push", err, sheaf.ErrBackendUnavailable)
			_, err = s.try(prose("new", 300_000))
			wantKind(t, "a large push", err, sheaf.ErrBackendUnavailable)
			_, err = s.try(contents[3])
			wantKind(t, "a push of what is known", err, sheaf.ErrBackendUnavailable)
		}
		s.runBackground()
		if _, err := s.Check(t.Context(), true); err != nil {
			t.Errorf("a check: %v", err)
		}
		for _, doc := range docs {
			content, err := s.OpenDocument(t.Context(), doc.ID, 0)
			if err == nil {
				_, err = content.Reader()
				if err == nil {
					r, _ := content.Reader()
					_, err = r.Read(make([]byte, 1))
				}
				content.Close()
			}
			wantKind(t, "reading", err, sheaf.ErrBackendUnavailable)
			if b, _ := s.blob(doc.Digest); b.State != catalog.BlobLive {
				t.Errorf("a healthy blob is in the state %d", b.State)
			}
		}
		rotation, err := s.RotateKeys(t.Context())
		if keys == "" {
			wantKind(t, "a rotation", err, sheaf.ErrInvalid)
		} else if err != nil || rotation.Rewrapped != 0 || rotation.Remaining != int64(len(docs)) || fmt.Sprint(rotation.Missing) != "["+right+"]" {
			t.Errorf("a rotation: %+v, %v", rotation, err)
		}
	}
}

// A check without the master key says which key it is, and goes on to find what
// needs none: an object that is missing.
func TestCheckWithoutMasterKey(t *testing.T) {
	t.Parallel()
	s := open(t, withMasterKeys(masterKey))
	for i := range 5 { // more than calls of a backend may fail
		s.create(fmt.Sprint("inline ", i))
	}
	for i := range 4 {
		s.create(noise(fmt.Sprint(i), 100_000))
	}
	lost := s.create(noise("lost", 100_000))
	b, _ := s.blob(lost.Digest)
	right := string(b.Seal.MasterKey)
	if err := s.blobs.Delete(t.Context(), fs, b.Key()); err != nil {
		t.Fatal(err)
	}
	s = s.reopen(withMasterKeys(""))
	for full, unchecked := range map[bool]int64{false: 5, true: 9} {
		report, err := s.Check(t.Context(), full)
		if err != nil || len(report.Problems) != 2 {
			t.Fatalf("a check, full %t: %+v, %v, want two problems", full, report.Problems, err)
		}
		missing, locked := report.Problems[0], report.Problems[1]
		if missing.Area != "blobs" || len(missing.Documents) != 1 || missing.Documents[0] != lost.ID {
			t.Errorf("full %t: %+v, want the missing object of %s", full, missing, lost.ID)
		}
		if locked.Area != "backends" || !strings.Contains(locked.Message, right) || report.Backends[0].Unchecked != unchecked {
			t.Errorf("full %t: %+v, %d contents unchecked, want the key %s and %d", full, locked, report.Backends[0].Unchecked, right, unchecked)
		}
	}
}

// A rotation that is cut off at any transaction goes on, and when it is done the
// old key is not needed any more.
func TestRotateKeys(t *testing.T) {
	t.Parallel()
	const small = 600 // more than fit into one transaction
	var transactions atomic.Int64
	var crash atomic.Pointer[context.CancelFunc]
	s := open(t, withMasterKeys(masterKey), func(set *setup) {
		set.clock = func() time.Time {
			if transactions.Add(-1) == 0 {
				(*crash.Load())()
			}
			return time.Now()
		}
	})
	written := make(map[sheaf.DocumentID]string)
	for i := range small {
		content := fmt.Sprint("number ", i)
		written[s.create(content, named(fmt.Sprint(i))).ID] = content
		if i == small/2 {
			s.drain()
			s.drain()
		}
	}
	for i, content := range contentsOfAllKinds("x")[2:] {
		written[s.create(content, named(fmt.Sprint("x", i))).ID] = content
	}
	wantAll := func() {
		t.Helper()
		for id, content := range written {
			s.wantRead(id, content)
		}
	}
	sealed := int64(len(written))
	s = s.reopen(withMasterKeys(newMasterKey + "," + masterKey))
	wantAll()
	if got := s.backendEncryption(); got.Problem != "" || len(got.Sealed) != 1 {
		t.Errorf("before a rotation: %+v", got)
	}
	for cut := int64(1); ; cut++ {
		ctx, cancel := context.WithCancel(t.Context())
		crash.Store(&cancel)
		transactions.Store(cut)
		report, err := s.RotateKeys(ctx)
		transactions.Store(0)
		cancel()
		if err == nil && report.Remaining == 0 {
			break
		}
		s = s.reopen()
		wantAll()
		s.wantSealed(sealed, 0)
	}
	backend := s.backendEncryption()
	if len(backend.Sealed) != 1 || backend.Sealed[0].Blobs != sealed {
		t.Errorf("after a rotation: %+v, want %d contents sealed by one key", backend, sealed)
	}
	if again, err := s.RotateKeys(t.Context()); err != nil || again.Rewrapped != 0 || again.Remaining != 0 {
		t.Errorf("another rotation: %+v, %v", again, err)
	}
	s = s.reopen(withMasterKeys(newMasterKey))
	wantAll()
	s.drain()
	wantAll()
	s.wantWhole()
}

// While only a part is rotated the old key is needed, and its lack is told.
func TestOldKeyIsNeededDuringARotation(t *testing.T) {
	t.Parallel()
	s := open(t, withMasterKeys(masterKey))
	old := s.create("old")
	s = s.reopen(withMasterKeys(newMasterKey + "," + masterKey))
	recent := s.create("new")
	s = s.reopen(withMasterKeys(newMasterKey))
	s.wantRead(recent.ID, "new")
	_, err := s.OpenDocument(t.Context(), old.ID, 0)
	wantKind(t, "reading what an older key seals", err, sheaf.ErrBackendUnavailable)
	s = s.reopen(withMasterKeys(newMasterKey + "," + masterKey))
	s.wantRead(old.ID, "old")
	s.wantRead(recent.ID, "new")
}

// Of an encrypted book, searches and archives are as of any, and nothing of it
// goes to its backend or comes from there without passing through the server.
func TestEncryptedBook(t *testing.T) {
	t.Parallel()
	backend := &presigning{Backend: memblob.New(), staged: map[string][]byte{}}
	s := open(t, withSmallDirect, withMasterKeys(masterKey), func(s *setup) { s.backend = backend })
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "book"}); err != nil {
		t.Fatal(err)
	}
	image := png(8) + string(blobtest.Random(80_000)) // which is not deflated
	files := map[string]string{
		"content/01-lesson.md": prose("lesson", 300_000) + "\nneedle", "content/02-short.md": "a needle", "assets/images/map.png": image,
	}
	for path, content := range files {
		if path != "assets/images/map.png" {
			s.mustPut(path, content)
		}
	}
	place := library.AssetPlace{Book: "book", Type: sheaf.AssetImages, Filename: "map.png"}
	upload := s.begin(library.NewUpload{AssetPlace: place, Size: int64(len(image))})
	if strings.Contains(upload.URL, "bucket.example") {
		t.Errorf("bytes are to be sent to %s", upload.URL)
	}
	if _, err := s.send(upload, image); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompleteUpload(t.Context(), upload.ID, nil); err != nil {
		t.Fatal(err)
	}
	asset, err := s.Asset(t.Context(), place)
	if err != nil || asset.DownloadURL == "" || strings.Contains(asset.DownloadURL, "bucket.example") {
		t.Errorf("the asset is %+v, %v", asset, err)
	}
	for _, what := range []string{"in the catalog", "drained"} {
		found, err := s.Grep(t.Context(), library.GrepQuery{BooksSearched: inBook("book"), Pattern: "needle"})
		if lines := grepped(found); err != nil || len(lines) != 2 {
			t.Errorf("%s, found %.300q, %v", what, lines, err)
		}
		s.wantBookArchive(what, s.bookArchive(scoped(sheaf.ArchiveAll)), files)
		s.drain()
	}
	if backend := s.backendEncryption(); backend.PlainBlobs != 0 {
		t.Errorf("%d contents are not sealed", backend.PlainBlobs)
	}
	s.wantWhole()
}

// What is left of a content from before its backend was encrypted is removed. If
// that is cut off, and encryption is turned off again, the content comes under the
// name of what is to be removed: it is not taken away with that.
func TestLeftoverIsRemovedBeforeItsContentComes(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"small", string(blobtest.Random(70_000))} {
		for _, away := range []bool{false, true} { // the backend, when the content comes
			backend := newRemoteBackend()
			failing := &failingDeletes{Backend: backend}
			s := open(t, withMasterKeys(masterKey), func(set *setup) { set.backend = failing })
			doc := s.create(content)
			s.drain()
			if err := backend.Put(t.Context(), blob.Key(doc.Digest.String()), strings.NewReader(content), int64(len(content))); err != nil {
				t.Fatal(err)
			}
			s = s.reopen(func(set *setup) { set.plain = true })
			for range 2 { // first the leftover is claimed, then the blob
				_, err := s.CollectGarbage(t.Context(), true)
				wantKind(t, "a collection that cannot delete", err, sheaf.ErrBackendUnavailable)
				_ = s.throwAway(doc.ID)
			}
			if b, _ := s.blob(doc.Digest); b.State != catalog.BlobDeleting {
				t.Fatalf("the blob is in the state %d, want it deleting", b.State)
			}
			failing.healed.Store(true)
			if away && content == "small" { // of a large one nothing is stored then
				backend.down.Store(true)
			}
			again := s.create(content)
			s.wantRead(again.ID, content)
			backend.down.Store(false)
			s.drain()
			for range 2 {
				if _, err := s.CollectGarbage(t.Context(), true); err != nil {
					t.Fatal(err)
				}
			}
			s.wantRead(again.ID, content)
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		}
	}
}

// While a content is being put, another writer brings it too, and gives up. What the
// first one has put is what the catalog says, whoever reserved last.
func TestTwoWritersAgreeOnASeal(t *testing.T) {
	t.Parallel()
	backend := newRemoteBackend()
	s := open(t, withMasterKeys(masterKey), func(set *setup) { set.backend = backend })
	content := noise("both", 100_000)
	second, giveUp := context.WithCancel(t.Context())
	upload := s.receive(content)
	backend.afterPut = once(func() {
		backend.beforePut = giveUp
		if _, err := s.CreateDocument(second, library.NewDocument{Content: upload, Filename: "second.txt"}); err == nil {
			t.Error("the second write succeeds")
		}
	})
	doc := s.create(content)
	s.wantRead(doc.ID, content)
	upload.Close()
	s.wantWhole()
}
