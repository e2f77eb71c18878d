package library_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// other is the name of the backend that collections move to.
const other = "other"

// openToMove opens a store with a second backend of files. What is kept after a
// move is kept for an hour.
func openToMove(t testing.TB, changes ...func(*setup)) *store {
	t.Helper()
	return open(t, append([]func(*setup){func(set *setup) {
		files, err := fsblob.New(filepath.Join(set.dir, "other"))
		if err != nil {
			t.Fatal(err)
		}
		set.others = map[string]blob.Backend{other: files}
		set.moves.Grace = time.Hour
	}}, changes...)...)
}

// advance takes steps of moves until there is nothing to do at once.
func (s *store) advance() {
	s.t.Helper()
	for more := true; more; {
		var err error
		if more, err = s.AdvanceMoves(s.t.Context()); err != nil {
			s.t.Fatalf("a step of the move: %v", err)
		}
	}
}

func (s *store) moveTo(collection, backend string) sheaf.BackendMove {
	s.t.Helper()
	move, err := s.MoveCollection(s.t.Context(), collection, library.NewMove{Backend: backend})
	if err != nil {
		s.t.Fatalf("moving %s to %s: %v", collection, backend, err)
	}
	return move
}

func (s *store) wantPhase(collection string, want sheaf.MovePhase) sheaf.BackendMove {
	s.t.Helper()
	move, err := s.CollectionMove(s.t.Context(), collection)
	if err != nil || move.Phase != want {
		s.t.Errorf("the move of %s is %s, %v, want %s", collection, move.Phase, err, want)
	}
	return move
}

// objects returns how many objects a backend has.
func (s *store) objects(backend string) (n int) {
	s.t.Helper()
	if err := s.blobs.List(s.t.Context(), backend, func(blob.Info) error { n++; return nil }); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *store) putFile(book, path, content string) sheaf.Change {
	s.t.Helper()
	change, err := s.PutContent(s.t.Context(), library.FileWrite{Place: library.Place{Book: book, Path: path}, Content: s.receive(content)})
	if err != nil {
		s.t.Fatalf("writing %s: %v", path, err)
	}
	return change
}

func (s *store) readFile(book, path, layer string) (string, error) {
	content, err := s.OpenAtPath(s.t.Context(), library.Place{Book: book, Path: path, Layer: layer}, library.Moment{})
	if err != nil {
		return "", err
	}
	defer content.Close()
	reader, err := content.Reader()
	if err != nil {
		return "", err
	}
	read, err := io.ReadAll(reader)
	return string(read), err
}

func (s *store) wantFile(book, path, want string) {
	s.t.Helper()
	if got, err := s.readFile(book, path, ""); err != nil || got != want {
		s.t.Errorf("%s has %d bytes, %v, want the %d that were written", path, len(got), err, len(want))
	}
}

func (s *store) manifestHash(book string) sheaf.Digest {
	s.t.Helper()
	m, err := s.Manifest(s.t.Context(), book, library.Moment{})
	if err != nil {
		s.t.Fatal(err)
	}
	return m.Hash
}

// tickingClock is a clock that tests move.
type tickingClock struct{ ms atomic.Int64 }

func newClock() *tickingClock {
	c := new(tickingClock)
	c.ms.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *tickingClock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *tickingClock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func TestMoveToAnotherBackend(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := openToMove(t, func(set *setup) { set.clock = clock.now })
	large := string(blobtest.Random(300_000))
	s.putFile("go-book", "one.md", "the first version of one")
	s.putFile("go-book", "one.md", "one")
	s.putFile("go-book", "two.md", prose("two", 200_000))
	s.putFile("go-book", "static/large.bin", large)
	s.putFile("go-book", "empty.md", "")
	s.putFile("go-book", "gone.md", "in the trash")
	if _, err := s.DeleteAtPath(t.Context(), library.Place{Book: "go-book", Path: "gone.md"}, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutContent(t.Context(), library.FileWrite{Place: library.Place{Book: "go-book", Path: "one.md", Layer: "user:ann"}, Content: s.receive("one, as ann has it")}); err != nil {
		t.Fatal(err)
	}
	s.putFile("rust-book", "shared.md", prose("two", 200_000))
	s.drain()
	s.putFile("go-book", "inline.md", "not drained yet")
	hash, before := s.manifestHash("go-book"), s.objects(fs)

	plan, err := s.PlanMove(t.Context(), "go-book", library.NewMove{Backend: other})
	if err != nil || plan.Contents != 8 || plan.Documents != 6 || plan.Versions != 8 || plan.PresentContent != 0 || plan.Unreadable != 0 || s.objects(other) != 0 {
		t.Errorf("the plan is %+v, %v; %d objects", plan, err, s.objects(other))
	}
	if move := s.moveTo("go-book", other); move.Phase != sheaf.MoveCopying || move.Contents != 8 || move.Bytes != plan.Bytes || move.Status != sheaf.StatusMigrating {
		t.Errorf("the move begins as %+v", move)
	}
	if again := s.moveTo("go-book", other); !again.AlreadyMoving {
		t.Errorf("moving it again: %+v, want the one that is under way", again)
	}
	if book, err := s.Book(t.Context(), "go-book", false); err != nil || book.Status != sheaf.StatusMigrating || book.Backend != fs {
		t.Errorf("while it moves the book is %s on %s, %v", book.Status, book.Backend, err)
	}
	s.putFile("go-book", "meanwhile.md", prose("meanwhile", 150_000))
	s.advance()
	move := s.wantPhase("go-book", sheaf.MoveKept)
	if move.Copied != 9 || move.Status != sheaf.StatusActive || move.KeepUntil == nil || !move.KeepUntil.Equal(clock.now().Add(time.Hour)) {
		t.Errorf("after the switch the move is %+v", move)
	}
	s.putFile("go-book", "after.md", prose("after", 150_000))
	s.drain()
	readAll := func() {
		t.Helper()
		s.wantFile("go-book", "one.md", "one")
		s.wantFile("go-book", "two.md", prose("two", 200_000))
		s.wantFile("go-book", "static/large.bin", large)
		s.wantFile("go-book", "empty.md", "")
		s.wantFile("go-book", "inline.md", "not drained yet")
		s.wantFile("go-book", "meanwhile.md", prose("meanwhile", 150_000))
		s.wantFile("go-book", "after.md", prose("after", 150_000))
		s.wantFile("rust-book", "shared.md", prose("two", 200_000))
		if got, err := s.readFile("go-book", "one.md", "user:ann"); err != nil || got != "one, as ann has it" {
			t.Errorf("through the layer: %q, %v", got, err)
		}
	}
	readAll()
	clock.advance(2 * time.Hour)
	s.advance()
	s.wantPhase("go-book", sheaf.MoveDone)
	s = s.reopen()
	for range 2 { // condemned, then deleted
		if _, err := s.CollectGarbage(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	readAll()
	if n := s.objects(fs); n != 1 || before <= 1 {
		t.Errorf("the old backend has %d objects, want the one that another book needs", n)
	}
	gone, err := s.Trash(t.Context(), "go-book", "", 10)
	if err != nil || len(gone) != 1 {
		t.Fatalf("the trash has %v, %v", gone, err)
	}
	if _, err := s.RestoreDocument(t.Context(), gone[0].ID, library.Restoration{}); err != nil {
		t.Errorf("restoring from the trash after the move: %v", err)
	}
	s.wantFile("go-book", "gone.md", "in the trash")
	for _, path := range []string{"meanwhile.md", "after.md", "gone.md"} { // back to what was hashed
		if _, err := s.DeleteAtPath(t.Context(), library.Place{Book: "go-book", Path: path}, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	if now := s.manifestHash("go-book"); now != hash {
		t.Errorf("the manifest hash is %s after the move, want %s", now, hash)
	}
	s.wantWhole()
}

var _ = []any{bytes.MinRead, context.Canceled, fmt.Sprint, strings.Repeat, sync.Mutex{}, catalog.BlobLive}
