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

// registryChanged wakes the job that writes the views of the registry.
func (l *Library) registryChanged() { wake(l.viewable) }

// WriteRegistry writes what the catalog says of the books into registry.yaml and
// books/ID/book.yaml, for people and for other programs. They are views: nothing
// is read from them, and what somebody changes in them is overwritten. A file
// that is as it should be is left alone. It must not run twice at the same time.
func (l *Library) WriteRegistry(ctx context.Context) (more bool, err error) {
	all := l.catalog.Collections(sheaf.KindBook)
	slices.SortFunc(all, func(a, b *catalog.Collection) int { return strings.Compare(string(a.Name), string(b.Name)) })
	books := make([]sheaf.Book, len(all))
	for i, c := range all {
		books[i] = bookOf(c)
	}
	text, err := bundle.RegistryYAML(books)
	if err != nil {
		return false, err
	}
	if err := writeView(filepath.Join(l.viewsDir, registryFile), text); err != nil {
		return false, err
	}
	for _, book := range books {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		text, err := bundle.BookYAML(book)
		if err != nil {
			return false, err
		}
		dir := filepath.Join(l.viewsDir, booksDir, string(book.ID))
		if err := durable.MakeDirs(dir); err != nil {
			return false, err
		}
		if err := writeView(filepath.Join(dir, bookFile), text); err != nil {
			return false, err
		}
	}
	return false, l.removeViews(all)
}

func writeView(path string, text []byte) error {
	if known, err := os.ReadFile(path); err == nil && bytes.Equal(known, text) {
		return nil
	}
	if err := durable.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write a view of the registry: %w", err)
	}
	return nil
}

// removeViews removes the book.yaml of books that are not there any more, and
// the directories that held nothing else.
func (l *Library) removeViews(books []*catalog.Collection) error {
	entries, err := os.ReadDir(filepath.Join(l.viewsDir, booksDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		isBook := func(c *catalog.Collection) bool { return string(c.Name) == entry.Name() }
		if !entry.IsDir() || slices.ContainsFunc(books, isBook) {
			continue
		}
		dir := filepath.Join(l.viewsDir, booksDir, entry.Name())
		if err := os.Remove(filepath.Join(dir, bookFile)); err == nil {
			_ = os.Remove(dir) // unless somebody keeps something else there
		}
	}
	return err
}

// bookOf returns what is said of a book, without what is counted of it.
func bookOf(c *catalog.Collection) sheaf.Book {
	return sheaf.Book{
		ID: c.Name, Title: c.Title, Description: c.Description, BookSettings: c.Book, Backend: c.Backend,
		Status: c.Status, Policy: c.Policy, Limits: c.Limits, Retention: c.Retention, CreatedAt: c.CreatedAt,
	}
}
