package library_test

import (
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
	"github.com/sheaf-dev/sheaf/internal/blob/fsblob"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// A movedFile is what has to be there of a file of the book that moves.
type movedFile struct {
	id       sheaf.DocumentID
	contents []string // of its versions
	trashed  bool
}

// A moveWorld is a store with a book that moves to and fro while it is used, whose
// process ends at any moment and whose backends fail, and what has to be in it.
type moveWorld struct {
	*store
	r     *rapid.T
	files map[string]*movedFile // by path

	clock        atomic.Int64 // Unix milliseconds
	transactions atomic.Int64 // until crash; negative: none comes
	puts         atomic.Int64 // until one fails, likewise
	crash        context.CancelFunc
}

// failingBackend fails a put, before or after it has stored the object.
type failingBackend struct {
	*fsblob.Backend
	world *moveWorld
}

func (b failingBackend) Put(ctx context.Context, key blob.Key, body io.Reader, size int64) error {
	left := b.world.puts.Add(-1)
	if left == 0 {
		return errDown
	}
	if err := b.Backend.Put(ctx, key, body, size); err != nil {
		return err
	}
	if left == 1 {
		return errDown
	}
	return nil
}

// Whatever is done, and wherever a move is cut off, told to go back or kept from
// its backend: every version is there, the manifest says what it said, and in the
// end there is nothing else on either backend.
func TestMoveProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		w := &moveWorld{r: r, files: make(map[string]*movedFile), crash: func() {}}
		w.clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
		backends := make([]blob.Backend, 2)
		for i, name := range []string{"blobs", "other"} {
			files, err := fsblob.New(filepath.Join(dir, name))
			if err != nil {
				r.Fatal(err)
			}
			backends[i] = failingBackend{files, w}
		}
		w.store = open(t, func(set *setup) {
			set.dir, set.backend, set.others = dir, backends[0], map[string]blob.Backend{other: backends[1]}
			set.garbage.Grace, set.moves.Grace = 12*time.Hour, 24*time.Hour
			set.clock = func() time.Time {
				if w.transactions.Add(-1) == 0 {
					w.crash()
				}
				return time.UnixMilli(w.clock.Load())
			}
		})
		w.putFile("book", "kept.md", "kept")
		w.files["kept.md"] = &movedFile{id: w.document("kept.md"), contents: []string{"kept"}}
		// Another book has some of the same contents.
		w.putFile("neighbour", "a.md", w.contents()[1])
		w.putFile("neighbour", "b.md", w.contents()[3])
		r.Repeat(map[string]func(*rapid.T){
			"write":   w.write,
			"delete":  w.delete,
			"restore": w.restore,
			"drain":   func(*rapid.T) { w.drain() },
			"tick": func(r *rapid.T) {
				w.clock.Add(rapid.SampledFrom([]int64{1, 13, 25}).Draw(r, "hours") * time.Hour.Milliseconds())
			},
			"move":      w.begin,
			"step":      w.step,
			"steps":     w.step,
			"roll back": w.rollBack,
			"finish":    w.finish,
			"collect":   w.collect,
			"reopen":    func(*rapid.T) { w.store = w.reopen() },
			"":          func(*rapid.T) { w.wantEverything() },
		})
		for range 3 { // until it is kept; until it is done; until what it left is gone
			w.clock.Add((100 * 24 * time.Hour).Milliseconds())
			w.advance()
			w.drain()
			w.collect(nil)
		}
		w.wantEverything()
		w.wantNothingElse()
		w.must(w.catalog.Close())
	})
}

func (w *moveWorld) contents() []string {
	return []string{"", "small", "another", noise("a", 70_000), noise("b", 80_000), prose("a", 200_000)}
}

func (w *moveWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.r.Fatal(err)
	}
}

func (w *moveWorld) document(path string) sheaf.DocumentID {
	w.t.Helper()
	content, err := w.OpenAtPath(w.t.Context(), library.Place{Book: "book", Path: path}, library.Moment{})
	w.must(err)
	defer content.Close()
	return content.Document.ID
}

func (w *moveWorld) draw(r *rapid.T, trashed bool) (path string) {
	var paths []string
	for _, path := range slices.Sorted(maps.Keys(w.files)) {
		if w.files[path].trashed == trashed {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		r.Skip("there is none")
	}
	return rapid.SampledFrom(paths).Draw(r, "path")
}

func (w *moveWorld) write(r *rapid.T) {
	path := rapid.SampledFrom([]string{"a.md", "b.md", "c/d.md"}).Draw(r, "path")
	content := rapid.SampledFrom(w.contents()).Draw(r, "content")
	if f := w.files[path]; f != nil && f.trashed {
		r.Skip("it is in the trash")
	}
	change, err := w.tryFile(library.Place{Book: "book", Path: path}, content)
	w.must(err)
	f := w.files[path]
	if f == nil {
		f = &movedFile{id: change.ID}
		w.files[path] = f
	}
	if change.Mode != sheaf.ModeUnchanged {
		f.contents = append(f.contents, content)
	}
}

func (w *moveWorld) delete(r *rapid.T) {
	path := w.draw(r, false)
	if path == "kept.md" {
		r.Skip("that one is kept")
	}
	_, err := w.DeleteDocument(w.t.Context(), w.files[path].id)
	w.must(err)
	w.files[path].trashed = true
}

func (w *moveWorld) restore(r *rapid.T) {
	f := w.files[w.draw(r, true)]
	_, err := w.RestoreDocument(w.t.Context(), f.id, library.Restoration{})
	w.must(err)
	f.trashed = false
}

func (w *moveWorld) begin(r *rapid.T) {
	to := rapid.SampledFrom([]string{fs, other}).Draw(r, "to")
	_, err := w.MoveCollection(w.t.Context(), "book", library.NewMove{Backend: to})
	if kind := sheaf.KindOf(err); kind != sheaf.ErrInvalid && kind != sheaf.ErrExists {
		w.must(err)
	}
}

func (w *moveWorld) rollBack(*rapid.T) {
	if _, err := w.RollBackMove(w.t.Context(), "book"); sheaf.KindOf(err) != sheaf.ErrNotFound {
		w.must(err)
	}
}

func (w *moveWorld) finish(*rapid.T) {
	_, err := w.FinishMove(w.t.Context(), "book")
	if kind := sheaf.KindOf(err); kind != sheaf.ErrNotFound && kind != sheaf.ErrPreconditionFailed {
		w.must(err)
	}
}

// step takes steps of a move, and some times a put fails meanwhile, or the process
// ends.
func (w *moveWorld) step(r *rapid.T) {
	steps := rapid.IntRange(1, 8).Draw(r, "steps")
	fault := rapid.SampledFrom([]string{"none", "none", "a put", "the process"}).Draw(r, "fault")
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.crash = cancel
	switch fault {
	case "a put":
		w.puts.Store(rapid.Int64Range(1, 6).Draw(r, "put"))
	case "the process":
		w.transactions.Store(rapid.Int64Range(1, 12).Draw(r, "transaction"))
	}
	for range steps {
		if _, err := w.AdvanceMoves(ctx); err != nil && fault == "none" {
			w.r.Fatalf("a step of the move: %v", err)
		}
	}
	w.transactions.Store(-1)
	w.puts.Store(-1)
	if fault == "the process" {
		w.store = w.reopen()
	}
}

func (w *moveWorld) collect(*rapid.T) {
	_, err := w.CollectGarbage(w.t.Context(), true)
	w.must(err)
}

// wantEverything reads every version that was ever written, and compares the
// manifest with what is there.
func (w *moveWorld) wantEverything() {
	w.t.Helper()
	var files []bundle.File
	for path, f := range w.files {
		if f.trashed {
			continue
		}
		for i, want := range f.contents {
			if got, err := w.version(f.id, i+1); err != nil || got != want {
				w.r.Fatalf("version %d of %s: %d bytes, %v, want the %d that were written", i+1, path, len(got), err, len(want))
			}
		}
		files = append(files, bundle.File{Path: path, Digest: sheaf.DigestOf([]byte(f.contents[len(f.contents)-1]))})
	}
	if got, want := w.manifestHash("book"), bundle.ManifestHash(files); got != want {
		w.r.Fatalf("the manifest hash is %s, want %s", got, want)
	}
	w.wantFile("neighbour", "a.md", w.contents()[1])
	w.wantFile("neighbour", "b.md", w.contents()[3])
	if w.t.Failed() {
		w.r.FailNow()
	}
}

func (w *moveWorld) version(id sheaf.DocumentID, number int) (string, error) {
	content, err := w.OpenDocument(w.t.Context(), id, number)
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

// wantNothingElse brings everything back from the trash, and compares what is on
// both backends with what is needed there.
func (w *moveWorld) wantNothingElse() {
	w.t.Helper()
	for _, f := range w.files {
		if f.trashed {
			_, err := w.RestoreDocument(w.t.Context(), f.id, library.Restoration{})
			w.must(err)
			f.trashed = false
		}
	}
	w.wantEverything()
	w.wantWhole()
	w.wantPlan(sheaf.GarbagePlan{})
	needed := map[string]map[sheaf.Digest]bool{fs: {}, other: {}}
	for _, content := range []string{w.contents()[1], w.contents()[3]} {
		needed[fs][sheaf.DigestOf([]byte(content))] = true
	}
	book, err := w.Book(w.t.Context(), "book", false)
	w.must(err)
	for _, f := range w.files {
		for _, content := range f.contents {
			if content != "" {
				needed[book.Backend][sheaf.DigestOf([]byte(content))] = true
			}
		}
	}
	for backend, digests := range needed {
		if n := w.objects(backend); n != len(digests) {
			w.r.Fatalf("%d objects on %s, %d are needed; the book is on %s", n, backend, len(digests), book.Backend)
		}
	}
	if w.t.Failed() {
		w.r.FailNow()
	}
}
