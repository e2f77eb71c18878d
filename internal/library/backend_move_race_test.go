package library_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// Whoever does something between two steps of another: what generated histories
// meet too seldom to rely on.

// An adoptingBackend is of files, and calls something when it has taken one over from
// the spool or has been given one.
type adoptingBackend struct {
	*fsblob.Backend
	after func()
}

func (b *adoptingBackend) Adopt(ctx context.Context, key blob.Key, f *os.File) error {
	err := b.Backend.Adopt(ctx, key, f)
	b.after()
	return err
}

func (b *adoptingBackend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	err := b.Backend.Put(ctx, key, body, size)
	b.after()
	return err
}

// once returns a function that does something when it is called first, and nothing
// when it is called again, be it by that.
func once(do func()) func() {
	var called atomic.Bool
	return func() {
		if called.CompareAndSwap(false, true) {
			do()
		}
	}
}

// finishMoveAtOnce takes a move to its end although somebody writes meanwhile.
func (s *store) finishMoveAtOnce(collection string) {
	s.t.Helper()
	for s.latestMove(collection).Phase != sheaf.MoveKept {
		if _, err := s.AdvanceMoves(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := s.FinishMove(s.t.Context(), collection); err != nil {
		s.t.Fatal(err)
	}
	for !s.latestMove(collection).Phase.IsOver() {
		if _, err := s.AdvanceMoves(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// The file of a large content has been taken over by the backend when the collection
// is on another one. The content goes there from where it was put, and is sealed, or
// not, as it is there.
func TestWriteWhoseCollectionHasMoved(t *testing.T) {
	t.Parallel()
	for _, sealed := range [][]string{{}, {fs}, {other}, {fs, other}} {
		for _, size := range []int{70_000, 3 << 20} {
			t.Run(fmt.Sprint(size, " bytes, encrypted: ", sealed), func(t *testing.T) {
				t.Parallel()
				adopting := &adoptingBackend{after: func() {}}
				s := openToMove(t, encrypting(sealed...), func(set *setup) {
					files, err := fsblob.New(filepath.Join(set.dir, "blobs"))
					if err != nil {
						t.Fatal(err)
					}
					adopting.Backend, set.backend = files, adopting
				})
				s.putFile("book", "a.md", "a")
				s.moveTo("book", other)
				adopting.after = once(func() { s.finishMoveAtOnce("book") })
				content := noise("b", size)
				s.putFile("book", "b.md", content)
				s.wantPhase("book", sheaf.MoveDone)
				s.wantFile("book", "b.md", content)
				s.drain()
				for range 2 {
					if _, err := s.CollectGarbage(t.Context(), true); err != nil {
						t.Fatal(err)
					}
				}
				s.wantFile("book", "a.md", "a")
				s.wantFile("book", "b.md", content)
				if n := s.objects(fs); n != 0 {
					t.Errorf("%d objects are left where it was put first", n)
				}
				s.wantOnlyBlobs()
				s.wantWhole()
			})
		}
	}
}

// A document goes from a collection that moves to one that stays on the target only
// once all of its contents are there: from then on nobody would copy them.
func TestDocumentLeavesAMovingCollection(t *testing.T) {
	t.Parallel()
	s := openToMove(t, encrypting(other))
	for _, in := range []library.NewCollection{{Name: "loose"}, {Name: "there", Backend: other}} {
		if _, err := s.CreateCollection(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	doc := s.create("first", func(in *library.NewDocument) { in.Collection = "loose" })
	s.moveTo("loose", other)
	content := ""
	for i := 0; s.latestMove("loose").Phase != sheaf.MoveSettling; i++ { // until a write comes in the last moment before the switch
		content = noise(fmt.Sprint(i), 100_000)
		if _, err := s.WriteContent(t.Context(), doc.ID, library.ContentWrite{Content: s.receive(content)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AdvanceMoves(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.MoveDocument(t.Context(), doc.ID, "there", "")
	wantKind(t, "taking it away while it is not there", err, sheaf.ErrUnavailable)
	s.wantRead(doc.ID, content)
	s.finishMove("loose")
	if _, err := s.MoveDocument(t.Context(), doc.ID, "there", ""); err != nil {
		t.Errorf("taking it away once it is there: %v", err)
	}
	s.wantRead(doc.ID, content)
	s.wantOnlyBlobs()
}

// While a content is copied in one form, it comes to the target in another one as a
// small write. The drain waits for the copy, or the object might be the one and the
// catalog say the other.
func TestDrainWaitsForACopy(t *testing.T) {
	t.Parallel()
	for _, sealed := range [][]string{{}, {other}} {
		remote := newRemoteBackend()
		s := openToMove(t, encrypting(sealed...), func(set *setup) { set.others[other] = remote })
		if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "there", Backend: other}); err != nil {
			t.Fatal(err)
		}
		content := prose("a few", 900)
		s.putFile("book", "a.md", content)
		s.drain()
		s = s.reopen(func(set *setup) { set.undeflated = true })
		remote.beforePut = once(func() {
			s.putFile("there", "a.md", content)
			if more, err := s.Drain(t.Context()); err != nil || !more {
				t.Errorf("a drain while the content is copied: %t, %v, want that it is put off", more, err)
			}
		})
		s.moveTo("book", other)
		s.finishMove("book")
		s.wantFile("there", "a.md", content)
		s.wantFile("book", "a.md", content)
		s.wantOnlyBlobs()
		s.wantWhole()
	}
}

// What is being copied is not taken away as garbage in between, although nobody may
// need it any more by then: the move goes on, and the copy is garbage later.
func TestCopyOfWhatNobodyNeedsAnyMore(t *testing.T) {
	t.Parallel()
	remote := newRemoteBackend()
	s := openToMove(t, encrypting(other), func(set *setup) { set.others[other] = remote })
	s.putFile("book", "a.md", "a")
	id := s.putFile("book", "b.md", noise("b", 100_000)).ID
	s.drain()
	puts := 0
	remote.afterPut = func() {
		if puts++; puts < 2 {
			return // both are there, or the other one would still need its source
		}
		if _, err := s.DeleteDocument(t.Context(), id); err != nil {
			t.Error(err)
		}
		if _, err := s.PurgeDocument(t.Context(), id); err != nil {
			t.Error(err)
		}
		if _, err := s.CollectGarbage(t.Context(), true); err != nil {
			t.Error(err)
		}
	}
	s.moveTo("book", other)
	s.finishMove("book")
	s.wantFile("book", "a.md", "a")
	if n := s.objects(other); n != 1 {
		t.Errorf("%d objects are on the backend, want one", n)
	}
	s.wantOnlyBlobs()
	s.wantWhole()
}

// A content that is left to somebody who is just storing it on the target is copied
// all the same if that comes to nothing.
func TestMoveDoesNotRelyOnOthers(t *testing.T) {
	t.Parallel()
	remote := newRemoteBackend()
	s := openToMove(t, encrypting(other), func(set *setup) { set.others[other] = remote })
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "there", Backend: other}); err != nil {
		t.Fatal(err)
	}
	s.putFile("book", "a.md", "a")
	s.putFile("book", "b.md", "b")
	s.drain()
	s.moveTo("book", other)
	content := ""
	for i := 0; s.latestMove("book").Phase != sheaf.MoveSettling; i++ {
		content = noise(fmt.Sprint(i), 100_000)
		s.putFile("book", "a.md", content)
		if _, err := s.AdvanceMoves(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	writing, giveUp := context.WithCancel(t.Context())
	remote.beforePut = once(func() {
		for range 4 { // more than a pass
			if _, err := s.AdvanceMoves(t.Context()); err != nil {
				t.Error(err)
			}
		}
		s.wantPhase("book", sheaf.MoveSettling)
		giveUp()
	})
	upload := s.receive(content)
	if _, err := s.PutContent(writing, library.FileWrite{Place: library.Place{Book: "there", Path: "a.md"}, Content: upload}); err == nil {
		t.Fatal("the other write succeeds")
	}
	upload.Close()
	s.finishMove("book")
	s.wantFile("book", "a.md", content)
	s.wantOnlyBlobs()
	s.wantWhole()
}
