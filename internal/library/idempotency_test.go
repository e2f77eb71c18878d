package library_test

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/library"
)

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	s := open(t)
	first := s.create("once", withKey("key 1"), named("a"))
	if again := s.create("once", withKey("key 1"), named("a")); !reflect.DeepEqual(again, first) {
		t.Errorf("the same request again: %+v, want the first answer %+v", again, first)
	}
	for what, other := range map[string]func(*library.NewDocument){
		"another name":        named("b"),
		"another description": func(in *library.NewDocument) { in.Description = "d" },
		"another message":     func(in *library.NewDocument) { in.Message = "m" },
		"other metadata":      func(in *library.NewDocument) { in.Metadata = []byte(`{"a":1}`) },
		"other tags":          func(in *library.NewDocument) { in.Tags = []string{"t"} },
	} {
		_, err := s.try("once", named("a"), withKey("key 1"), other)
		wantFields(t, "the key with "+what, err, "Idempotency-Key")
	}
	_, err := s.try("twice", withKey("key 1"), named("a"))
	wantFields(t, "the key with another content", err, "Idempotency-Key")
	if other := s.create("once", withKey("key 2"), named("a")); other.ID == first.ID {
		t.Error("another key gave the same document")
	}
	if n := len(s.list(library.DocumentQuery{})); n != 2 {
		t.Errorf("%d documents, want 2", n)
	}

	// A key belongs to who used it.
	stranger := s.As(sheaf.Principal{ID: "agent:other", Scopes: sheaf.Scopes(sheaf.ScopeWrite)})
	theirs, err := stranger.CreateDocument(t.Context(), library.NewDocument{
		Content: s.receive("theirs"), Filename: "t.txt", IdempotencyKey: "key 1",
	})
	if err != nil || theirs.ID == first.ID {
		t.Errorf("someone else's use of the key: %s, %v, want a document of their own", theirs.ID, err)
	}
	for _, key := range []string{"line\nfeed", "nul\x00", "bad \xff\x00", "\u202e"} {
		_, err := s.try("x", withKey(key))
		wantFields(t, "the key "+key, err, "Idempotency-Key")
	}
	s.wantWhole()
}

// An answer outlives the document and the process.
func TestIdempotencyKeySurvives(t *testing.T) {
	s := open(t)
	first := s.create("once", withKey("k"))
	if _, err := s.DeleteDocument(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	s = s.reopen()
	if again := s.create("once", withKey("k")); !reflect.DeepEqual(again, first) {
		t.Errorf("the same request after a restart: %+v, want the first answer %+v", again, first)
	}
	if found := s.list(library.DocumentQuery{}); len(found) != 0 {
		t.Errorf("%d documents, want none: the one was deleted", len(found))
	}
}

func TestIdempotencyKeyOfManyAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	for key, content := range map[string]string{"small": "small", "large": string(blobtest.Random(200_000))} {
		const many = 20
		var ids [many]sheaf.DocumentID
		var group sync.WaitGroup
		for i := range ids {
			upload := s.receive(content)
			group.Go(func() {
				doc, err := s.CreateDocument(t.Context(), library.NewDocument{Content: upload, Filename: "f", IdempotencyKey: key})
				if err != nil {
					t.Errorf("request %d: %v", i, err)
				}
				ids[i] = doc.ID
			})
		}
		group.Wait()
		for i, id := range ids {
			if id != ids[0] {
				t.Errorf("request %d made %s, the first %s: want one document", i, id, ids[0])
			}
		}
		s.wantRead(ids[0], content)
	}
	if n := len(s.list(library.DocumentQuery{})); n != 2 {
		t.Errorf("%d documents of two keys, want 2", n)
	}
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
}

func TestIdempotencyKeyExpires(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	s := open(t, func(set *setup) { set.clock = func() time.Time { return time.UnixMilli(now.Load()) } })
	first := s.create("x", withKey("k"))
	now.Add((24 * time.Hour).Milliseconds())
	if again := s.create("x", withKey("k")); again.ID != first.ID {
		t.Errorf("after 24 hours: %s, want still %s", again.ID, first.ID)
	}
	now.Add(1)
	other := s.create("y", withKey("k"))
	if other.ID == first.ID {
		t.Error("a key is remembered for longer than 24 hours")
	}
	if again := s.create("y", withKey("k")); again.ID != other.ID {
		t.Errorf("a key in its second use: %s, want %s", again.ID, other.ID)
	}
}

// A large content that a used key makes useless is not put into the backend, where
// it would have to be collected as garbage.
func TestRefusedKeyLeavesNothingBehind(t *testing.T) {
	s := open(t)
	s.create("x", withKey("k"))
	_, err := s.try(string(blobtest.Random(200_000)), withKey("k"))
	wantFields(t, "the key with another, large content", err, "Idempotency-Key")
	s.wantPlan(sheaf.GarbagePlan{})
}
