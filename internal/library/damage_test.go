package library_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// damageable are contents of every stored form that is a file.
var damageable = map[string]string{
	"plain":              string(blobtest.Random(300_000)),
	"deflated":           prose("a", 3_000_000),
	"small":              string(blobtest.Random(500)),
	"small and deflated": prose("b", 5_000),
}

func TestDamage(t *testing.T) {
	t.Parallel()
	for name, content := range damageable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			one, two := s.create(content, named("one")), s.create(content, named("two"))
			other := s.create("an innocent")
			if _, err := s.DeleteDocument(t.Context(), two.ID); err != nil {
				t.Fatal(err)
			}
			three := s.create(content, named("three"))
			s.drain()
			s.wantRead(one.ID, content)
			s.flip(one.Digest)
			s.runBackground()
			s.wantDamaged(one.ID)

			aside := filepath.Join(s.setup.dir, "blobs", "quarantine", one.Digest.String()+".*")
			eventually(t, "the damaged file is put aside", func() bool {
				found, _ := filepath.Glob(aside)
				b, _ := s.blob(one.Digest)
				return len(found) == 1 && b.State == catalog.BlobDamaged
			})
			s.wantDamaged(one.ID)
			s.wantDamaged(three.ID)
			s.wantRead(other.ID, "an innocent")

			entries := s.log(sheaf.SystemStream)
			if len(entries) != 1 {
				t.Fatalf("%d entries in _system, want one", len(entries))
			}
			var payload struct {
				Principal, Operation, Status string
				Detail                       struct {
					Digest   sheaf.Digest
					Backend  string             `json:"storage_backend"`
					Affected []sheaf.DocumentID `json:"affected"`
				}
			}
			if err := json.Unmarshal(entries[0].Payload, &payload); err != nil {
				t.Fatal(err)
			}
			affected := []sheaf.DocumentID{one.ID, two.ID, three.ID}
			slices.Sort(affected)
			slices.Sort(payload.Detail.Affected)
			if payload.Operation != "blob.quarantine" || payload.Principal != "system" || payload.Detail.Digest != one.Digest ||
				payload.Detail.Backend != fs || !reflect.DeepEqual(payload.Detail.Affected, affected) {
				t.Errorf("the entry is %s, want blob.quarantine by system of %s, naming %v", entries[0].Payload, one.Digest, affected)
			}
			for _, full := range []bool{false, true} {
				problems := strings.Join(s.check(full), "\n")
				if !strings.Contains(problems, "blobs: ") || !strings.Contains(problems, string(one.ID)) ||
					!strings.Contains(problems, string(three.ID)) || strings.Contains(problems, string(other.ID)) {
					t.Errorf("the check, full %t, says\n%s\nwant it to name %s and %s only", full, problems, one.ID, three.ID)
				}
			}

			healer := s.create(content, named("healer"))
			for _, doc := range []sheaf.Document{one, three, healer} {
				s.wantRead(doc.ID, content)
			}
			s.drain()
			for _, doc := range []sheaf.Document{one, three, healer} {
				s.wantRead(doc.ID, content)
			}
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}

// Whoever is told that a content is damaged, and to push it again, does so at
// once. That must not be taken for one more copy of what is stored already, and
// what was noted of the damage must not put the healthy copy aside.
func TestPushRightAfterDamageIsFound(t *testing.T) {
	t.Parallel()
	for name, content := range damageable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			doc := s.create(content)
			s.drain()
			s.flip(doc.Digest)
			var readers sync.WaitGroup
			for range 8 {
				readers.Go(func() { s.wantDamaged(doc.ID) })
			}
			readers.Wait()
			again := s.create(content)
			s.drain()
			s.wantRead(doc.ID, content)
			s.wantRead(again.ID, content)

			s.runBackground()
			marker := s.create(string(blobtest.Random(100_000)) + "marker")
			s.flip(marker.Digest)
			s.wantDamaged(marker.ID)
			eventually(t, "everything that was noted is dealt with", func() bool {
				b, _ := s.blob(marker.Digest)
				return b.State == catalog.BlobDamaged
			})
			s.wantRead(doc.ID, content)
			s.wantRead(again.ID, content)
			if b, _ := s.blob(doc.Digest); b.State != catalog.BlobLive {
				t.Errorf("the healed blob is in the state %d, want it live", b.State)
			}
			if n := len(s.log(sheaf.SystemStream)); n != 2 {
				t.Errorf("%d quarantines in the log, want one of each blob", n)
			}
		})
	}
}

// A process that is killed between putting a damaged file aside and saying so
// leaves a blob that is missing. It heals like a damaged one.
func TestMissingFile(t *testing.T) {
	t.Parallel()
	s := open(t, func(set *setup) { set.scrubRate = 1 << 30 })
	content := string(blobtest.Random(300_000))
	doc := s.create(content)
	stored, err := os.ReadFile(s.file(doc.Digest))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.file(doc.Digest)); err != nil {
		t.Fatal(err)
	}
	s.wantDamaged(doc.ID)
	s.create(content)
	s.wantRead(doc.ID, content)
	s.wantWhole()

	// A disk that was away and is back needs nobody to push.
	if err := os.Remove(s.file(doc.Digest)); err != nil {
		t.Fatal(err)
	}
	s.wantDamaged(doc.ID)
	s.runBackground()
	eventually(t, "the missing blob is marked", func() bool {
		b, _ := s.blob(doc.Digest)
		return b.State == catalog.BlobDamaged
	})
	if err := os.WriteFile(s.file(doc.Digest), stored, 0o600); err != nil {
		t.Fatal(err)
	}
	s.wantRead(doc.ID, content)
}

// Bytes that were damaged inside the catalog are found and healed too.
func TestDamageInline(t *testing.T) {
	t.Parallel()
	s := open(t)
	content := string(blobtest.Random(500))
	doc := s.create(content)
	s.tamper(`update inline_blobs set bytes = zeroblob(length(bytes))`)
	s.wantDamaged(doc.ID)
	if problems := strings.Join(s.check(false), "\n"); !strings.Contains(problems, string(doc.ID)) {
		t.Errorf("the check says\n%s\nwant it to name %s", problems, doc.ID)
	}
	s.create(content)
	s.wantRead(doc.ID, content)
	s.drain()
	s.wantRead(doc.ID, content)
	s.wantWhole()
}
