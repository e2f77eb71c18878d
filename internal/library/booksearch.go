package library

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// BooksSearched says where something is looked for.
type BooksSearched struct {
	Book     string // a book, or
	AllBooks bool   // all of them; one of the two has to be given
	Layer    string // through which the books are looked at, of [UserLayer]; empty: what everyone sees
	At       Moment // as they were then; in all books, a time
}

// booksSearched returns the books that are meant, in the order of their ids;
// more are errors about the rest of a request.
func (l *Library) booksSearched(in BooksSearched, more ...error) ([]*catalog.Collection, error) {
	var whereErr, idErr, atErr error
	switch {
	case in.Book == "" && !in.AllBooks:
		whereErr = sheaf.Invalid("book_id", "it is not said where to look: name a book with book_id, or set all_books")
	case in.Book != "" && in.AllBooks:
		whereErr = sheaf.Invalid("all_books", "book_id names one book and all_books means all: give one of the two")
	case in.Book != "":
		_, idErr = parseBookID(in.Book)
	}
	if in.AllBooks && in.At.Revision != 0 {
		atErr = sheaf.Invalid("at", "every book counts its own revisions: name one book, or give a time such as 2025-01-31T12:00:00Z")
	}
	if err := sheaf.InvalidFields(append([]error{whereErr, idErr, atErr, checkLayer(in.Layer)}, more...)...); err != nil {
		return nil, err
	}
	if !in.AllBooks {
		book, err := l.book(in.Book)
		return []*catalog.Collection{book}, err
	}
	books := l.catalog.Collections(sheaf.KindBook)
	slices.SortFunc(books, func(a, b *catalog.Collection) int { return cmp.Compare(a.Name, b.Name) })
	return books, nil
}

// A foundFile is a file, and the book that it is in.
type foundFile struct {
	book *catalog.Collection
	sheaf.BookFile
}

// filesOfBooks yields the files of books that a pattern means, by book and path.
// An error is the last thing it yields.
func (l *Library) filesOfBooks(ctx context.Context, books []*catalog.Collection, in BooksSearched, pattern pathPattern) iter.Seq2[foundFile, error] {
	return func(yield func(foundFile, error) bool) {
		for _, book := range books {
			for file, err := range l.filesOfBook(ctx, book, catalog.FileFilter{Layer: in.Layer, Prefix: pattern.prefix()}, in.At) {
				if err == nil && !pattern.matches(file.Path) {
					continue
				}
				if !yield(foundFile{book, file}, err) || err != nil {
					return
				}
			}
		}
	}
}

// filesOfBook yields the files of a book that a filter selects, in the order of
// their paths, however many there are, all of them as they are at one revision:
// the latest when it begins, or that of a moment. An error is the last thing it
// yields.
func (l *Library) filesOfBook(ctx context.Context, book *catalog.Collection, filter catalog.FileFilter, at Moment) iter.Seq2[sheaf.BookFile, error] {
	// Never too many at once, because the log cannot be reclaimed meanwhile.
	filter.Limit = 1000
	revision := int64(0)
	pages := filePages(filter, func(f *sheaf.BookFile) string { return f.Path }, func(filter *catalog.FileFilter) (files []sheaf.BookFile, err error) {
		err = l.catalog.Snapshot(ctx, func(v *catalog.View) error {
			err := settleRevision(v, book, at, &revision, filter)
			if err == nil && revision > 0 {
				files, err = v.Files(book, *filter)
			}
			return err
		})
		return files, err
	})
	return func(yield func(sheaf.BookFile, error) bool) {
		for files, err := range pages {
			if err != nil {
				yield(sheaf.BookFile{}, err)
				return
			}
			for _, file := range files {
				if !yield(file, nil) {
					return
				}
			}
		}
	}
}

// settleRevision makes the pages of a listing show one revision, which the first
// one sets; 0 is before there was anything. The present is read faster than the
// past, so that a page is read from history only once something has changed.
func settleRevision(v *catalog.View, book *catalog.Collection, at Moment, revision *int64, filter *catalog.FileFilter) error {
	if filter.Rev != 0 {
		return nil
	}
	if !at.IsNow() {
		rev, err := at.revision(v, string(book.Name))
		*revision, filter.Rev = rev, rev
		return err
	}
	latest, err := v.LatestRev(string(book.Name))
	switch {
	case *revision == 0:
		*revision = latest
	case *revision != latest:
		filter.Rev = *revision
	}
	return err
}
