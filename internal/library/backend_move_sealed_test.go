package library_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob/blobtest"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// encrypting says which backends are encrypted.
func encrypting(backends ...string) func(*setup) {
	return func(set *setup) { set.masterKeys, set.sealed = masterKey, append([]string{}, backends...) }
}

// marker begins contents that must not be seen in an encrypted backend.
const marker = "the marker of a secret"

// secretFiles are contents that are stored in each of the ways there are.
func secretFiles() map[string]string {
	return map[string]string{
		"empty.md":      "",
		"small.md":      marker,
		"deflated.md":   prose(marker, 3000),
		"text.md":       prose(marker, 500_000),
		"static/a.bin":  marker + string(blobtest.Random(70_000)),
		"static/b.bin":  marker + string(blobtest.Random(1<<20)),
		"static/64.bin": marker + string(blobtest.Random(64<<10-len(marker))),
	}
}

// wantNothingReadable looks for contents, and for digests, in the files below a
// directory.
func (s *store) wantNothingReadable(dir string, contents map[string]string) {
	s.t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join(s.setup.dir, dir), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		n++
		stored, err := os.ReadFile(path)
		if bytes.Contains(stored, []byte(marker)) {
			s.t.Errorf("%s has a content that can be read", path)
		}
		for file, content := range contents {
			if digest := sheaf.DigestOf([]byte(content)); bytes.Contains(stored, digest[:]) || strings.Contains(path, digest.String()) {
				s.t.Errorf("%s has the digest of %s", path, file)
			}
		}
		return err
	})
	if err != nil || n < len(contents)-1 {
		s.t.Errorf("%d objects below %s, %v", n, dir, err)
	}
}

// finishMove ends a move that is as far as that, and removes what it has left.
func (s *store) finishMove(collection string) {
	s.t.Helper()
	s.advance()
	s.wantPhase(collection, sheaf.MoveKept)
	if _, err := s.FinishMove(s.t.Context(), collection); err != nil {
		s.t.Fatal(err)
	}
	s.advance()
	s.wantPhase(collection, sheaf.MoveDone)
	s.drain()
	for range 2 { // condemned, then deleted
		if _, err := s.CollectGarbage(s.t.Context(), true); err != nil {
			s.t.Fatal(err)
		}
	}
}

// A book moves to an encrypted backend and back while it is written and read. What
// it was at a revision stays, byte by byte, and so do its manifest and its archive.
func TestMoveToAnEncryptedBackendAndBack(t *testing.T) {
	t.Parallel()
	for _, drained := range []bool{false, true} {
		t.Run(fmt.Sprint("drained ", drained), func(t *testing.T) {
			t.Parallel()
			s := openToMove(t, encrypting(other))
			files := secretFiles()
			var revision int64
			for path, content := range files {
				revision = s.putFile("book", path, content).Revision
			}
			if drained {
				s.drain()
			}
			before := s.bookArchive(atRevision(revision))
			packed := s.packed(before)
			want := func(when string) {
				t.Helper()
				archive := s.bookArchive(atRevision(revision))
				if archive.ETag() != before.ETag() || archive.Manifest != before.Manifest {
					t.Errorf("%s: the archive is %s of the manifest %s, before the move it was %s of %s", when, archive.ETag(), archive.Manifest, before.ETag(), before.Manifest)
				}
				if !bytes.Equal(s.packed(archive), packed) {
					t.Errorf("%s: the archive has other bytes", when)
				}
				for path, content := range files {
					s.wantFile("book", path, content)
				}
			}
			written := make(map[string]string)
			for _, to := range []string{other, fs} {
				s.moveTo("book", to)
				busy := s.writeAndRead("book", "to-"+to, files)
				want("while it moves to " + to)
				s.advance()
				maps.Copy(written, busy())
				s.advance()
				want("moved to " + to)
				s.finishMove("book")
				if to == other {
					s.wantNothingReadable("other", files)
				}
				left := map[string]string{other: fs, fs: other}[to]
				if n := s.objects(left); n != 0 {
					t.Errorf("%d objects are left on %s", n, left)
				}
				want("on " + to + " alone")
				for path, content := range written {
					s.wantFile("book", path, content)
				}
				s.wantWhole()
				s.wantPlan(sheaf.GarbagePlan{})
			}
		})
	}
}

// writeAndRead writes files into a book and reads others of it until it is told to
// stop, which returns what was written.
func (s *store) writeAndRead(book, dir string, others map[string]string) (stop func() map[string]string) {
	ctx, cancel := context.WithCancel(s.t.Context())
	written := make(map[string]string)
	var working sync.WaitGroup
	working.Go(func() {
		for i := 0; ctx.Err() == nil && i < 50; i++ {
			path, content := fmt.Sprintf("%s/%d.bin", dir, i), marker+noise(fmt.Sprint(dir, i), 100+70_000*(i%2))
			if _, err := s.tryFile(library.Place{Book: book, Path: path}, content); err != nil {
				s.t.Errorf("writing %s: %v", path, err)
			}
			written[path] = content
		}
	})
	working.Go(func() {
		for ctx.Err() == nil {
			for path, content := range others {
				s.wantFile(book, path, content)
			}
		}
	})
	return func() map[string]string {
		cancel()
		working.Wait()
		return written
	}
}

// A move to an encrypted backend, or from one, is rolled back in any phase, and
// leaves nothing where it did not move to.
func TestEncryptedMoveRolledBack(t *testing.T) {
	t.Parallel()
	for _, sealed := range [][]string{{other}, {fs}, {fs, other}} {
		for _, steps := range []int{0, 1, 2, 3, 100} {
			t.Run(fmt.Sprint(sealed, " after ", steps), func(t *testing.T) {
				t.Parallel()
				s := openToMove(t, encrypting(sealed...))
				files := secretFiles()
				for path, content := range files {
					s.putFile("book", path, content)
				}
				hash := s.manifestHash("book")
				s.drain()
				s.moveTo("book", other)
				for range steps {
					if _, err := s.AdvanceMoves(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.RollBackMove(t.Context(), "book"); err != nil {
					t.Fatal(err)
				}
				s.putFile("book", "late.md", "late")
				if _, err := s.DeleteAtPath(t.Context(), library.Place{Book: "book", Path: "late.md"}, nil, ""); err != nil {
					t.Fatal(err)
				}
				s.advance()
				s.wantPhase("book", sheaf.MoveRolledBack)
				s.drain()
				for range 2 {
					if _, err := s.CollectGarbage(t.Context(), true); err != nil {
						t.Fatal(err)
					}
				}
				for path, content := range files {
					s.wantFile("book", path, content)
				}
				if now := s.manifestHash("book"); now != hash {
					t.Errorf("the manifest hash is %s, want %s", now, hash)
				}
				if n := s.objects(other); n != 0 {
					t.Errorf("%d objects are left where it did not move to", n)
				}
				s.wantWhole()
				s.wantPlan(sheaf.GarbagePlan{})
			})
		}
	}
}

// While a content is copied to an encrypted backend, the same comes there as a small
// write, which is sealed by another key, under another name. What was copied is
// garbage then, and nothing else is.
func TestSmallWriteDuringAnEncryptedCopy(t *testing.T) {
	t.Parallel()
	for _, collect := range []bool{false, true} { // also in between
		t.Run(fmt.Sprint("collecting ", collect), func(t *testing.T) {
			t.Parallel()
			remote := newRemoteBackend()
			s := openToMove(t, encrypting(other), func(set *setup) { set.others[other] = remote })
			if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "there", Backend: other}); err != nil {
				t.Fatal(err)
			}
			s.putFile("book", "a.md", marker)
			remote.afterPut = once(func() {
				s.putFile("there", "a.md", marker)
				if collect {
					if _, err := s.CollectGarbage(t.Context(), true); err != nil {
						t.Error(err)
					}
				}
			})
			s.moveTo("book", other)
			for range 20 { // a copy that was collected fails, and is tried again
				_, _ = s.AdvanceMoves(t.Context())
			}
			s.finishMove("book")
			s.wantFile("book", "a.md", marker)
			s.wantFile("there", "a.md", marker)
			if n := s.objects(other); n != 1 {
				t.Errorf("%d objects are on the backend, want the one that both books need", n)
			}
			if n := s.objects(fs); n != 0 {
				t.Errorf("%d objects are left", n)
			}
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}

// Without the master key of its source, or of its target, a move says which one is
// missing, harms nothing, and goes on once it is there.
func TestMoveWithoutMasterKey(t *testing.T) {
	t.Parallel()
	for _, sealed := range []string{fs, other} {
		t.Run(sealed, func(t *testing.T) {
			t.Parallel()
			s := openToMove(t, encrypting(sealed))
			files := secretFiles()
			for path, content := range files {
				s.putFile("book", path, content)
			}
			if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "there", Backend: other}); err != nil {
				t.Fatal(err)
			}
			s.putFile("there", "a.md", "something that is sealed by the key")
			s.drain()
			s.moveTo("book", other)
			key := s.currentKey()
			s = s.reopen(withMasterKeys(newMasterKey))
			for range 2 {
				_, err := s.AdvanceMoves(t.Context())
				wantKind(t, "a step without the key", err, sheaf.ErrBackendUnavailable)
			}
			if move := s.wantPhase("book", sheaf.MoveCopying); !strings.Contains(move.Problem, key) || move.ProblemSince == nil {
				t.Errorf("the move says %+v, want that the key %s is missing", move, key)
			}
			if _, err := s.CollectGarbage(t.Context(), true); err != nil {
				t.Errorf("collecting garbage: %v", err)
			}
			s = s.reopen(withMasterKeys(masterKey))
			s.advance()
			if move := s.wantPhase("book", sheaf.MoveKept); move.Problem != "" {
				t.Errorf("the move says %+v, want that it is well", move)
			}
			s.finishMove("book")
			for path, content := range files {
				s.wantFile("book", path, content)
			}
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}

// currentKey returns the id of the master key that seals what is new.
func (s *store) currentKey() string {
	s.t.Helper()
	report, err := s.Encryption(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return report.CurrentKey
}

// Encryption is turned on for the target, or off, while a move is cut off with
// copies that nothing refers to yet.
func TestEncryptionTurnedOverDuringAMove(t *testing.T) {
	t.Parallel()
	for _, before := range [][]string{{}, {other}} {
		t.Run(fmt.Sprint("before ", before), func(t *testing.T) {
			t.Parallel()
			remote := newRemoteBackend()
			s := openToMove(t, encrypting(before...), func(set *setup) { set.others[other] = remote })
			files := secretFiles()
			for path, content := range files {
				s.putFile("book", path, content)
			}
			s.drain()
			s.moveTo("book", other)
			ctx, end := context.WithCancel(t.Context())
			remote.afterPut = func() {
				if remote.puts.Load() >= 3 {
					end()
				}
			}
			if _, err := s.AdvanceMoves(ctx); err == nil || s.objects(other) == 0 {
				t.Fatalf("a step that is cut off: %v, with %d objects", err, s.objects(other))
			}
			after := []string{other}
			if len(before) > 0 {
				after = []string{}
			}
			s = s.reopen(encrypting(after...))
			s.finishMove("book")
			for path, content := range files {
				s.wantFile("book", path, content)
			}
			s.wantWhole()
			s.wantPlan(sheaf.GarbagePlan{})
		})
	}
}
