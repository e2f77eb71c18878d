package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
	"github.com/sheaf-dev/sheaf/internal/catalog"
	"github.com/sheaf-dev/sheaf/internal/durable"
)

const (
	registryFile = "registry.yaml"
	booksDir     = "books"
	bookFile     = "book.yaml"

	// registryPause lets changes gather before the views are written.
	registryPause = time.Second
)

// views are what the library knows of the files that show what the catalog says of
// the books.
type views struct {
	dir     string        // empty: there are none
	wake    chan struct{} // of the job that writes them
	changes atomic.Int64  // of what they show, since the start

	mu      sync.Mutex // held while they are written
	written int64      // the changes that they show; -1: they were not written yet
}

func newViews(dir string) *views { return &views{dir: dir, wake: make(chan struct{}, 1), written: -1} }

// registryChanged wakes the job that writes the views of the registry.
func (l *Library) registryChanged() {
	l.views.changes.Add(1)
	wake(l.views.wake)
}

// WriteRegistry writes what the catalog says of the books into registry.yaml and
// books/ID/book.yaml, for people and for other programs. They are views: nothing
// is read from them, and what somebody changes in them is overwritten. A file
// that is as it should be is left alone.
func (l *Library) WriteRegistry(ctx context.Context) (more bool, err error) {
	l.views.mu.Lock()
	defer l.views.mu.Unlock()
	changes := l.views.changes.Load()
	err = l.eachView(ctx, func(v view) error {
		if v.isCurrent() {
			return nil
		}
		return v.write()
	})
	if err == nil {
		l.views.written = changes
	}
	return false, err
}

// A view is a file that shows something of the catalog.
type view struct {
	path string // below the directory of the views
	file string // its path on this machine
	text []byte // that it should have; nil: it should not be there
}

// eachView calls each for every view there should be, and then for those there
// should not.
func (l *Library) eachView(ctx context.Context, each func(view) error) error {
	all := l.catalog.Collections(sheaf.KindBook)
	slices.SortFunc(all, func(a, b *catalog.Collection) int { return strings.Compare(string(a.Name), string(b.Name)) })
	books := make([]sheaf.Book, len(all))
	for i, c := range all {
		books[i] = bookOf(c)
	}
	text, err := bundle.RegistryYAML(books)
	if err != nil {
		return err
	}
	if err := each(l.view(registryFile, text)); err != nil {
		return err
	}
	for _, book := range books {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := bundle.BookYAML(book)
		if err != nil {
			return err
		}
		if err := each(l.view(viewOf(string(book.ID)), text)); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(filepath.Join(l.views.dir, booksDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		isBook := func(b sheaf.Book) bool { return string(b.ID) == entry.Name() }
		if !entry.IsDir() || slices.ContainsFunc(books, isBook) {
			continue
		}
		if err := each(l.view(viewOf(entry.Name()), nil)); err != nil {
			return err
		}
	}
	return err
}

// viewOf returns the path of the view of a book.
func viewOf(book string) string { return booksDir + "/" + book + "/" + bookFile }

func (l *Library) view(path string, text []byte) view {
	return view{path, filepath.Join(l.views.dir, filepath.FromSlash(path)), text}
}

// isCurrent reports whether a view shows what it should.
func (v view) isCurrent() bool {
	known, err := os.ReadFile(v.file)
	if v.text == nil {
		return err != nil
	}
	return err == nil && bytes.Equal(known, v.text)
}

// write makes a view what it should be: of a book that is not there any more it
// removes the file, and the directory if that held nothing else.
func (v view) write() error {
	if v.text == nil {
		if err := os.Remove(v.file); err == nil {
			_ = os.Remove(filepath.Dir(v.file)) // unless somebody keeps something else there
		}
		return nil
	}
	err := durable.MakeDirs(filepath.Dir(v.file))
	if err == nil {
		err = durable.WriteFile(v.file, v.text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write a view of the registry: %w", err)
	}
	return nil
}

// bookOf returns what is said of a book, without what is counted of it.
func bookOf(c *catalog.Collection) sheaf.Book {
	return sheaf.Book{
		ID: c.Name, Title: c.Title, Description: c.Description, BookSettings: c.Book, Backend: c.Backend,
		Status: c.Status, Policy: c.Policy, Limits: c.Limits, Retention: c.Retention, CreatedAt: c.CreatedAt,
	}
}
