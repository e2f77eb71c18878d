package catalog

import (
	"fmt"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/bundle"
)

// countsOf returns what a file at a path adds to the counts of its book.
func countsOf(path string, size int64) sheaf.BookCounts {
	counts := sheaf.BookCounts{Files: 1, Size: size}
	switch {
	case bundle.IsAsset(path):
		counts.Assets = 1
	case bundle.IsLesson(path):
		counts.Lessons = 1
	}
	return counts
}

// counts returns what a document adds to the counts of its book.
func (h *Head) counts() sheaf.BookCounts {
	if h.Path == "" || h.Version == 0 || h.Deleted || h.Layer != baseLayer {
		return sheaf.BookCounts{}
	}
	return countsOf(h.Path, h.Size)
}

// addCounts returns the counts a and so many times b.
func addCounts(a, b sheaf.BookCounts, times int64) sheaf.BookCounts {
	return sheaf.BookCounts{
		Lessons: a.Lessons + times*b.Lessons, Assets: a.Assets + times*b.Assets,
		Files: a.Files + times*b.Files, Size: a.Size + times*b.Size,
	}
}

// BookCounts returns what there is in a book.
func (v *View) BookCounts(c *Collection) (counts sheaf.BookCounts, err error) {
	found, err := v.conn.row(`select lessons, assets, files, size from book_counts where collection = $1`, []any{c.PK},
		&counts.Lessons, &counts.Assets, &counts.Files, &counts.Size)
	if err == nil && !found {
		return v.CountBook(c)
	}
	return counts, err
}

// CountBook counts what there is in a book. It looks at the path of every file.
func (v *View) CountBook(c *Collection) (counts sheaf.BookCounts, err error) {
	err = v.conn.rows(`
		select path, size from documents where collection = $1 and deleted = 0 and path <> '' and version > 0`, []any{c.PK},
		func(scan func(...any) error) error {
			var path string
			var size int64
			err := scan(&path, &size)
			counts = addCounts(counts, countsOf(path, size), 1)
			return err
		})
	return counts, err
}

// SetBookCounts counts what there is in a book anew.
func (tx *Tx) SetBookCounts(c *Collection) error {
	counts, err := tx.CountBook(c)
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		insert into book_counts (collection, lessons, assets, files, size) values ($1, $2, $3, $4, $5)
		on conflict (collection) do update set lessons = excluded.lessons, assets = excluded.assets, files = excluded.files, size = excluded.size`,
		c.PK, counts.Lessons, counts.Assets, counts.Files, counts.Size)
	delete(tx.counts, c.PK) // what this transaction has changed is counted
	return err
}

// count adds what a document adds to the counts of its book to what the
// transaction is to store, so many times.
func (tx *Tx) count(h *Head, times int64) {
	counts := h.counts()
	if counts == (sheaf.BookCounts{}) {
		return
	}
	if tx.counts == nil {
		tx.counts = make(map[int64]sheaf.BookCounts)
	}
	tx.counts[h.CollectionPK] = addCounts(tx.counts[h.CollectionPK], counts, times)
}

// storeCounts brings the counts of books up to date, each once in a transaction
// however many of its mutations have changed them.
func (tx *Tx) storeCounts() error {
	for collection, by := range tx.counts {
		if by == (sheaf.BookCounts{}) {
			continue
		}
		_, err := tx.conn.exec(`
			insert into book_counts (collection, lessons, assets, files, size) values ($1, $2, $3, $4, $5)
			on conflict (collection) do update set lessons = lessons + excluded.lessons, assets = assets + excluded.assets,
				files = files + excluded.files, size = size + excluded.size`,
			collection, by.Lessons, by.Assets, by.Files, by.Size)
		if err != nil {
			return err
		}
	}
	return nil
}

// countBooks counts the books that have not been counted yet, which were there
// before counts were kept.
func countBooks(c *Catalog, writer *conn) error {
	v := View{conn: writer, catalog: c}
	var uncounted []Collection
	err := writer.rows(`
		select c.pk from collections c
		where c.kind = 'book' and not exists (select 1 from book_counts b where b.collection = c.pk)
			and exists (select 1 from documents d where d.collection = c.pk and d.path <> '' and d.deleted = 0)`, nil,
		func(scan func(...any) error) error {
			var book Collection
			err := scan(&book.PK)
			uncounted = append(uncounted, book)
			return err
		})
	if err != nil || len(uncounted) == 0 {
		return err
	}
	for i := range uncounted {
		counts, err := v.CountBook(&uncounted[i])
		if err != nil {
			return err
		}
		_, err = writer.exec(`insert into book_counts (collection, lessons, assets, files, size) values ($1, $2, $3, $4, $5)`,
			uncounted[i].PK, counts.Lessons, counts.Assets, counts.Files, counts.Size)
		if err != nil {
			return err
		}
	}
	return nil
}

// WrongBookCounts returns the books of whose files there are others than their
// counts say, with what is wrong.
func (v *View) WrongBookCounts() (wrong []*Collection, messages []string, err error) {
	for _, c := range v.catalog.Collections(sheaf.KindBook) {
		kept, err := v.BookCounts(c)
		if err != nil {
			return nil, nil, err
		}
		counted, err := v.CountBook(c)
		if err != nil {
			return nil, nil, err
		}
		if kept != counted {
			wrong = append(wrong, c)
			messages = append(messages, fmt.Sprintf("the book %s has %d lessons, %d assets and %d files of %d bytes, and not %d, %d and %d of %d, as its counts say", c.Name,
				counted.Lessons, counted.Assets, counted.Files, counted.Size, kept.Lessons, kept.Assets, kept.Files, kept.Size))
		}
	}
	return wrong, messages, nil
}
