package library_test

import (
	"context"
	"fmt"
	"io"
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

// latestMove returns the latest move of a collection to another backend.
func (s *store) latestMove(collection string) sheaf.BackendMove {
	s.t.Helper()
	move, err := s.CollectionMove(s.t.Context(), collection)
	if err != nil {
		s.t.Fatal(err)
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
	change, err := s.tryFile(library.Place{Book: book, Path: path}, content)
	if err != nil {
		s.t.Fatalf("writing %s: %v", path, err)
	}
	return change
}

// tryFile writes a file, and keeps nothing of its content open.
func (s *store) tryFile(place library.Place, content string) (sheaf.Change, error) {
	upload, err := s.Receive(s.t.Context(), strings.NewReader(content))
	if err != nil {
		return sheaf.Change{}, err
	}
	defer upload.Close()
	return s.PutContent(s.t.Context(), library.FileWrite{Place: place, Content: upload})
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

// noise is a content of so many bytes that deflating makes no smaller, so that a
// large one is never inline. It differs by seed.
func noise(seed string, size int) string {
	content := make([]byte, size)
	random := rand.NewChaCha8(sheaf.DigestOf([]byte(seed)))
	_, _ = random.Read(content) // it never fails
	return string(content)
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
	s.putFile("go-book", "two.md", noise("two", 200_000))
	s.putFile("go-book", "static/large.bin", large)
	s.putFile("go-book", "empty.md", "")
	s.putFile("go-book", "gone.md", "in the trash")
	if _, err := s.DeleteAtPath(t.Context(), library.Place{Book: "go-book", Path: "gone.md"}, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.tryFile(library.Place{Book: "go-book", Path: "one.md", Layer: "user:ann"}, "one, as ann has it"); err != nil {
		t.Fatal(err)
	}
	s.putFile("rust-book", "shared.md", noise("two", 200_000))
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
	s.putFile("go-book", "meanwhile.md", noise("meanwhile", 150_000))
	s.advance()
	move := s.wantPhase("go-book", sheaf.MoveKept)
	if move.Copied != 9 || move.Status != sheaf.StatusActive || move.KeepUntil == nil || !move.KeepUntil.Equal(clock.now().Add(time.Hour)) {
		t.Errorf("after the switch the move is %+v", move)
	}
	s.putFile("go-book", "after.md", noise("after", 150_000))
	s.drain()
	readAll := func() {
		t.Helper()
		s.wantFile("go-book", "one.md", "one")
		s.wantFile("go-book", "two.md", noise("two", 200_000))
		s.wantFile("go-book", "static/large.bin", large)
		s.wantFile("go-book", "empty.md", "")
		s.wantFile("go-book", "inline.md", "not drained yet")
		s.wantFile("go-book", "meanwhile.md", noise("meanwhile", 150_000))
		s.wantFile("go-book", "after.md", noise("after", 150_000))
		s.wantFile("rust-book", "shared.md", noise("two", 200_000))
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

// A move can be rolled back at any time, and nothing that was written is lost.
func TestMoveRolledBack(t *testing.T) {
	t.Parallel()
	for name, advance := range map[string]int{"at once": 0, "while copying": 1, "after the switch": 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openToMove(t)
			s.putFile("book", "a.md", noise("a", 150_000))
			s.putFile("book", "b.md", "small")
			s.drain()
			s.moveTo("book", other)
			for range advance {
				if _, err := s.AdvanceMoves(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s.putFile("book", "c.md", noise("c", 150_000))
			s.putFile("book", "d.md", "small, too")
			move, err := s.RollBackMove(t.Context(), "book")
			if err != nil || move.Phase != sheaf.MoveReturning {
				t.Fatalf("rolling back: %+v, %v", move, err)
			}
			s.putFile("book", "e.md", noise("e", 150_000))
			want := func() {
				t.Helper()
				for path, content := range map[string]string{
					"a.md": noise("a", 150_000), "b.md": "small", "c.md": noise("c", 150_000), "d.md": "small, too", "e.md": noise("e", 150_000),
				} {
					s.wantFile("book", path, content)
				}
			}
			want()
			s.drain()
			s.advance()
			s.wantPhase("book", sheaf.MoveRolledBack)
			for range 2 {
				if _, err := s.CollectGarbage(t.Context(), true); err != nil {
					t.Fatal(err)
				}
			}
			want()
			if n := s.objects(other); n != 0 {
				t.Errorf("%d objects are left where it did not move to", n)
			}
			s.wantWhole()
			if _, err := s.RollBackMove(t.Context(), "book"); sheaf.KindOf(err) != sheaf.ErrNotFound {
				t.Errorf("rolling back what is over: %v, want not_found", err)
			}
		})
	}
}

// What a move refuses.
func TestMoveRefusals(t *testing.T) {
	t.Parallel()
	down := newRemoteBackend()
	s := openToMove(t, func(set *setup) { set.others["down"] = down })
	s.putFile("book", "a.md", "a")
	down.down.Store(true)
	tooLong := 1000 * 24 * time.Hour
	for what, test := range map[string]struct {
		collection string
		in         library.NewMove
		want       sheaf.ErrorKind
	}{
		"to where it is":        {"book", library.NewMove{Backend: fs}, sheaf.ErrInvalid},
		"to nowhere":            {"book", library.NewMove{}, sheaf.ErrInvalid},
		"to an unknown backend": {"book", library.NewMove{Backend: "moon"}, sheaf.ErrInvalid},
		"to one that is down":   {"book", library.NewMove{Backend: "down"}, sheaf.ErrBackendUnavailable},
		"with a grace of years": {"book", library.NewMove{Backend: other, Grace: &tooLong}, sheaf.ErrInvalid},
		"of an unknown book":    {"nothing", library.NewMove{Backend: other}, sheaf.ErrNotFound},
		"of no name":            {"a b", library.NewMove{Backend: other}, sheaf.ErrInvalid},
	} {
		_, err := s.MoveCollection(t.Context(), test.collection, test.in)
		wantKind(t, "a move "+what, err, test.want)
		_, err = s.PlanMove(t.Context(), test.collection, test.in)
		wantKind(t, "a plan "+what, err, test.want)
	}
	_, err := s.CollectionMove(t.Context(), "book")
	wantKind(t, "the move of what never moved", err, sheaf.ErrNotFound)
	down.down.Store(false)
	s.moveTo("book", other)
	_, err = s.MoveCollection(t.Context(), "book", library.NewMove{Backend: "down"})
	wantKind(t, "a second move", err, sheaf.ErrExists)
	_, err = s.FinishMove(t.Context(), "book")
	wantKind(t, "giving up a copy that is needed", err, sheaf.ErrPreconditionFailed)
}

// A target that goes away stops the move and nothing else; it says why, and goes on
// when the target is back.
func TestMoveWhileTheTargetIsDown(t *testing.T) {
	t.Parallel()
	remote := newRemoteBackend()
	s := openToMove(t, func(set *setup) { set.others["remote"] = remote })
	for i := range 20 {
		s.putFile("book", fmt.Sprintf("%d.md", i), noise(fmt.Sprint(i), 100_000))
	}
	s.moveTo("book", "remote")
	remote.down.Store(true)
	for range 2 {
		_, err := s.AdvanceMoves(t.Context())
		wantKind(t, "a step while the target is down", err, sheaf.ErrBackendUnavailable)
	}
	if move := s.wantPhase("book", sheaf.MoveCopying); move.Problem != "the network is down" || move.ProblemSince == nil {
		t.Errorf("the move says %+v, want why it does not go on", move)
	}
	s.putFile("book", "meanwhile.md", noise("meanwhile", 100_000))
	s.wantFile("book", "3.md", noise("3", 100_000))
	remote.down.Store(false)
	s.advance()
	if move := s.wantPhase("book", sheaf.MoveKept); move.Problem != "" || move.Copied != 21 {
		t.Errorf("the move says %+v, want that it is well", move)
	}
	s.wantFile("book", "meanwhile.md", noise("meanwhile", 100_000))
}

// A content that is damaged where it is keeps the move from its end, and nothing
// else from being copied; healed, or purged, it does not.
func TestMoveOfDamagedContents(t *testing.T) {
	t.Parallel()
	s := openToMove(t)
	damaged := noise("damaged", 100_000)
	digest := s.putFile("book", "a.md", damaged).Digest
	s.putFile("book", "b.md", noise("b", 100_000))
	s.flip(digest)
	s.moveTo("book", other)
	for more := true; more; {
		var err error
		if more, err = s.AdvanceMoves(t.Context()); err != nil {
			break
		}
	}
	move := s.wantPhase("book", sheaf.MoveCopying)
	if move.Copied != 1 || !strings.Contains(move.Problem, digest.String()) {
		t.Errorf("the move says %+v, want the digest of what is damaged", move)
	}
	s.putFile("book", "c.md", damaged)
	s.advance()
	if move := s.wantPhase("book", sheaf.MoveKept); move.Problem != "" {
		t.Errorf("the move says %+v", move)
	}
	s.wantFile("book", "a.md", damaged)
}

// Before the old backend's copies are given up, the new one is asked whether it
// still has them: somebody may have emptied it meanwhile.
func TestMoveIsNotDoneIntoAnEmptiedBackend(t *testing.T) {
	t.Parallel()
	for _, ending := range []sheaf.MovePhase{sheaf.MoveDone, sheaf.MoveRolledBack} {
		s := openToMove(t)
		large := noise("large", 100_000)
		s.putFile("book", "a.md", large)
		s.putFile("book", "b.md", "small")
		s.drain()
		s.moveTo("book", other)
		s.advance()
		s.wantPhase("book", sheaf.MoveKept)
		end, emptied := s.FinishMove, other
		if ending == sheaf.MoveRolledBack {
			end, emptied = s.RollBackMove, fs
		}
		err := s.blobs.List(t.Context(), emptied, func(object blob.Info) error { return s.blobs.Delete(t.Context(), emptied, object.Key) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := end(t.Context(), "book"); err != nil {
			t.Fatal(err)
		}
		s.advance()
		s.wantPhase("book", ending)
		if n := s.objects(emptied); n != 2 {
			t.Errorf("%s: %d objects are on %s again, want 2", ending, n, emptied)
		}
		s.wantFile("book", "a.md", large)
		s.wantFile("book", "b.md", "small")
	}
}

// A problem that is over, because nobody needs what could not be read, is not shown
// any more once all is where it should be.
func TestMoveForgetsAProblemThatIsOver(t *testing.T) {
	t.Parallel()
	s := openToMove(t)
	s.putFile("book", "a.md", "a")
	s.putFile("book", "b.md", "b")
	s.moveTo("book", other)
	var change sheaf.Change
	for i := 0; s.latestMove("book").Phase != sheaf.MoveSettling; i++ { // until a write comes in the last moment before the switch
		change = s.putFile("book", "a.md", noise(fmt.Sprint(i), 100_000))
		if _, err := s.AdvanceMoves(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.flip(change.Digest)
	var err error
	for err == nil {
		_, err = s.AdvanceMoves(t.Context())
	}
	if move := s.wantPhase("book", sheaf.MoveSettling); !strings.Contains(move.Problem, change.Digest.String()) {
		t.Fatalf("the move says %+v, want the digest of what is damaged", move)
	}
	if _, err := s.DeleteDocument(t.Context(), change.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PurgeDocument(t.Context(), change.ID); err != nil {
		t.Fatal(err)
	}
	s.advance()
	if move := s.wantPhase("book", sheaf.MoveKept); move.Problem != "" || move.ProblemSince != nil {
		t.Errorf("the move says %+v, want no problem", move)
	}
}

// What the target has already is not copied, but read: nobody may have another
// copy of it soon.
func TestMoveVerifiesWhatIsThere(t *testing.T) {
	t.Parallel()
	s := openToMove(t)
	shared := noise("shared", 100_000)
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "there", Backend: other}); err != nil {
		t.Fatal(err)
	}
	digest := s.putFile("there", "a.md", shared).Digest
	s.putFile("here", "a.md", shared)
	file := filepath.Join(s.setup.dir, "other", digest.String()[:2], digest.String())
	stored, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stored[len(stored)/2] ^= 1
	if err := os.WriteFile(file, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	s.moveTo("here", other)
	s.advance()
	if move := s.wantPhase("here", sheaf.MoveKept); move.Copied != 1 {
		t.Errorf("the move is %+v, want one content to be copied anew", move)
	}
	if _, err := s.FinishMove(t.Context(), "here"); err != nil {
		t.Fatal(err)
	}
	s.advance()
	s.wantFile("here", "a.md", shared)
	s.wantFile("there", "a.md", shared)
	s.wantWhole()
}

// A collection can be deleted in every phase of a move, made again, and moved again.
func TestDeletionDuringAMove(t *testing.T) {
	t.Parallel()
	for steps := range 6 {
		s := openToMove(t)
		s.putFile("book", "a.md", noise("a", 100_000))
		s.moveTo("book", other)
		for range steps {
			if _, err := s.AdvanceMoves(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.DeleteCollection(t.Context(), "book", library.CollectionDelete{WithDocuments: true, Confirm: "book"}); err != nil {
			t.Fatal(err)
		}
		s.advance()
		s.putFile("book", "b.md", noise("b", 100_000))
		s.wantPhase("book", sheaf.MoveDeleted)
		for range 2 {
			if _, err := s.CollectGarbage(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		if there, here := s.objects(other), s.objects(fs); there+here != 1 {
			t.Errorf("deleted after %d steps: %d objects on one backend and %d on the other, want the one that is written since", steps, here, there)
		}
		s.wantFile("book", "b.md", noise("b", 100_000))
		s.wantWhole()
	}
}

// What a collection keeps does not depend on whether it moves: a move that cannot
// go on, because of a content that is damaged, say, may take as long as it likes.
func TestRetentionDuringAMove(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := openToMove(t, func(set *setup) { set.clock = clock.now })
	_, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "brief", Retention: sheaf.Retention{TrashDays: 1, HistoryDays: 1}})
	if err != nil {
		t.Fatal(err)
	}
	in := func(d *library.NewDocument) { d.Collection = "brief" }
	trashed, changed := s.create("in the trash", in), s.create(noise("old", 100_000), in, named("changed"))
	if _, err := s.DeleteDocument(t.Context(), trashed.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteContent(t.Context(), changed.ID, library.ContentWrite{Content: s.receive("new")}); err != nil {
		t.Fatal(err)
	}
	s.flip(changed.Digest)
	s.moveTo("brief", other)
	for err = nil; err == nil; {
		_, err = s.AdvanceMoves(t.Context())
	}
	if move := s.wantPhase("brief", sheaf.MoveCopying); !strings.Contains(move.Problem, changed.Digest.String()) {
		t.Errorf("the move says %+v, want the digest of what is damaged", move)
	}
	clock.advance(49 * time.Hour)
	if report, err := s.CollectGarbage(t.Context(), false); err != nil || report.PurgedDocuments != 1 || report.ExpiredVersions != 1 {
		t.Errorf("the collection of garbage: %+v, %v, want a document and a version purged", report, err)
	}
	s.advance()
	if move := s.wantPhase("brief", sheaf.MoveKept); move.Problem != "" {
		t.Errorf("the move says %+v, want no problem: nobody needs what was damaged", move)
	}
	s.wantRead(changed.ID, "new")
}

// An archived book stays archived while it moves, and can be unarchived meanwhile.
func TestMoveOfAnArchivedBook(t *testing.T) {
	t.Parallel()
	s := openToMove(t)
	s.putFile("book", "a.md", "a")
	set := func(status sheaf.CollectionStatus) sheaf.CollectionStatus {
		t.Helper()
		book, err := s.ChangeBook(t.Context(), "book", library.BookChange{CollectionChange: library.CollectionChange{Status: &status}})
		if err != nil {
			t.Fatal(err)
		}
		return book.Status
	}
	set(sheaf.StatusArchived)
	if move := s.moveTo("book", other); move.Status != sheaf.StatusArchived {
		t.Errorf("an archived book that moves is %s", move.Status)
	}
	_, err := s.tryFile(library.Place{Book: "book", Path: "b.md"}, "b")
	wantKind(t, "a write to it", err, sheaf.ErrArchived)
	if status := set(sheaf.StatusActive); status != sheaf.StatusMigrating {
		t.Errorf("unarchived while it moves it is %s", status)
	}
	if status := set(sheaf.StatusActive); status != sheaf.StatusMigrating {
		t.Errorf("made active while it moves it is %s", status)
	}
	set(sheaf.StatusArchived)
	s.advance()
	if move := s.wantPhase("book", sheaf.MoveKept); move.Status != sheaf.StatusArchived {
		t.Errorf("an archived book that has moved is %s", move.Status)
	}
}

// Agents write, read and delete, garbage is collected without grace, and the book
// moves to and fro between a backend that is encrypted and one that is not, and is
// rolled back: no call fails, and what was acknowledged is there in the end, and
// nothing else.
func TestMovesUnderLoad(t *testing.T) {
	t.Parallel()
	s := openToMove(t, encrypting(other), func(set *setup) { set.moves.Grace = 0 })
	for name, backend := range map[string]string{"book": fs, "here": fs, "there": other} {
		if _, err := s.CreateBook(t.Context(), library.NewBook{ID: name, Backend: backend}); err != nil {
			t.Fatal(err)
		}
	}
	s.putFile("book", "first.md", "first")
	s.runBackground()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	others.Go(func() {
		for ctx.Err() == nil {
			if _, err := s.CollectGarbage(t.Context(), true); err != nil {
				t.Errorf("collecting garbage: %v", err)
			}
		}
	})
	const writers, files = 4, 40
	few := func(n int) string { return noise(fmt.Sprint("one of few: ", n), []int{20, 2000, 90_000}[n%3]) } // that others have, too
	pathOf := func(w, f int) string { return fmt.Sprintf("w%d/%d.md", w, f) }
	var last [writers][files]string
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for round := range 6 {
				for f := range files {
					size := 100 + random.IntN(2000)
					if random.IntN(4) == 0 {
						size = 100_000
					}
					content := noise(fmt.Sprintf("%d in round %d of %d", w, round, f), size)
					if random.IntN(3) == 0 {
						content = few(random.IntN(6))
					}
					book, path := "book", pathOf(w, f)
					if f%5 == 0 { // in one that stays where it is
						book = []string{"here", "there"}[f%2]
					}
					change, err := s.tryFile(library.Place{Book: book, Path: path}, content)
					if err != nil {
						t.Errorf("writing %s: %v", path, err)
						return
					}
					last[w][f] = content
					s.wantFile(book, path, content)
					if random.IntN(20) == 0 {
						if _, err := s.PurgeDocument(t.Context(), change.ID); err == nil {
							t.Errorf("%s was purged outside of the trash", path)
						}
						if _, err := s.DeleteDocument(t.Context(), change.ID); err != nil {
							t.Errorf("deleting %s: %v", path, err)
						}
						if _, err := s.PurgeDocument(t.Context(), change.ID); err != nil {
							t.Errorf("purging %s: %v", path, err)
						}
						last[w][f] = ""
					}
				}
			}
		})
	}
	others.Go(func() {
		random := rand.New(rand.NewPCG(7, 7))
		for ctx.Err() == nil {
			s.wantFile("book", "first.md", "first")
			path := pathOf(random.IntN(writers), random.IntN(files))
			if _, err := s.readFile("book", path, ""); err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound && sheaf.KindOf(err) != sheaf.ErrGone {
				t.Errorf("reading %s: %v", path, err)
			}
		}
	})
	others.Go(func() {
		random := rand.New(rand.NewPCG(9, 9))
		for ctx.Err() == nil {
			to := []string{fs, other}[random.IntN(2)]
			_, err := s.MoveCollection(t.Context(), "book", library.NewMove{Backend: to})
			if kind := sheaf.KindOf(err); err != nil && kind != sheaf.ErrInvalid && kind != sheaf.ErrExists {
				t.Errorf("moving: %v", err)
			}
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			if random.IntN(2) == 0 {
				if _, err := s.RollBackMove(t.Context(), "book"); err != nil && sheaf.KindOf(err) != sheaf.ErrNotFound {
					t.Errorf("rolling back: %v", err)
				}
			}
		}
	})
	writing.Wait()
	stop()
	others.Wait()
	wantAll := func() {
		t.Helper()
		s.wantFile("book", "first.md", "first")
		for w := range writers {
			for f, want := range last[w] {
				switch {
				case want == "":
				case f%5 == 0:
					s.wantFile([]string{"here", "there"}[f%2], pathOf(w, f), want)
				default:
					s.wantFile("book", pathOf(w, f), want)
				}
			}
		}
	}
	wantAll()
	eventually(t, "the move is over", func() bool {
		move, err := s.CollectionMove(t.Context(), "book")
		return err == nil && move.Phase.IsOver()
	})
	eventually(t, "small contents are in their backend", func() bool { return s.Health(t.Context()).UndrainedBlobs == 0 })
	for range 2 {
		if _, err := s.CollectGarbage(t.Context(), true); err != nil {
			t.Error(err)
		}
	}
	wantAll()
	s.wantWhole()
	s.wantPlan(sheaf.GarbagePlan{})
	s.wantOnlyBlobs()
}

// wantOnlyBlobs compares the objects on all backends with those that the catalog
// refers to.
func (s *store) wantOnlyBlobs() {
	s.t.Helper()
	objects := make(map[string]map[blob.Key]bool)
	for _, backend := range []string{fs, other} {
		objects[backend] = make(map[blob.Key]bool)
		err := s.blobs.List(s.t.Context(), backend, func(info blob.Info) error { objects[backend][info.Key] = true; return nil })
		if err != nil {
			s.t.Fatal(err)
		}
	}
	err := s.catalog.Read(s.t.Context(), func(v *catalog.View) error {
		return v.Blobs(0, -1, func(b catalog.Blob) error {
			if b.StoredSize > 0 && !objects[b.Backend][b.Key()] || b.State != catalog.BlobLive {
				s.t.Errorf("the blob %s on %s is in the state %d, and its object is there: %t", b.Digest, b.Backend, b.State, objects[b.Backend][b.Key()])
			}
			delete(objects[b.Backend], b.Key())
			return nil
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for backend, left := range objects {
		if len(left) > 0 {
			s.t.Errorf("%s has objects that the catalog does not refer to: %v", backend, left)
		}
	}
}

// Nothing begins to move to where nothing can be sealed.
func TestMoveToALockedBackend(t *testing.T) {
	t.Parallel()
	s := openToMove(t, withMasterKeys(masterKey))
	s.create("sealed by the key that is lost")
	if _, err := s.CreateCollection(t.Context(), library.NewCollection{Name: "elsewhere", Backend: other}); err != nil {
		t.Fatal(err)
	}
	s = s.reopen(withMasterKeys(newMasterKey))
	_, err := s.PlanMove(t.Context(), "elsewhere", library.NewMove{Backend: fs})
	wantKind(t, "planning to move", err, sheaf.ErrBackendUnavailable)
	_, err = s.MoveCollection(t.Context(), "elsewhere", library.NewMove{Backend: fs})
	wantKind(t, "moving", err, sheaf.ErrBackendUnavailable)
	_, err = s.CollectionMove(t.Context(), "elsewhere")
	wantKind(t, "the move", err, sheaf.ErrNotFound)
}

// A collection that moves is stored on both backends, until the old one gives up
// its copy.
func TestBackendsOfACollectionThatMoves(t *testing.T) {
	t.Parallel()
	s := openToMove(t)
	s.putFile("guide", "a.md", "a")
	want := func(when string, onFS, onOther int) {
		t.Helper()
		backends, err := s.Backends(t.Context())
		if err != nil || len(backends) != 2 || backends[0].Collections != onFS || backends[1].Collections != onOther {
			t.Errorf("%s: %+v, %v, want %d collections and %d", when, backends, err, onFS, onOther)
		}
	}
	want("before", 2, 0)
	s.moveTo("guide", other)
	want("while it is copied", 2, 1)
	s.advance()
	want("while the old copy is kept", 2, 1)
	if _, err := s.FinishMove(t.Context(), "guide"); err != nil {
		t.Fatal(err)
	}
	s.advance()
	want("after", 1, 1)
}
