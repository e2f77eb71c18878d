package library

import (
	"context"

	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// wholeBooksAtOnce is how many calls may read all files of a book at once. Each
// has one of the catalog's connections for as long as that takes, and of those
// there are four unless configured: a few such calls would keep everybody waiting
// who wants to read one document.
const wholeBooksAtOnce = 2

// snapshotOfBook is [catalog.Catalog.Snapshot] for what reads all files of a
// book. It waits for its turn among others that do, until the context ends.
func (l *Library) snapshotOfBook(ctx context.Context, read func(*catalog.View) error) error {
	if err := l.wholeBooks.Acquire(ctx, 1); err != nil {
		return err
	}
	defer l.wholeBooks.Release(1)
	return l.catalog.Snapshot(ctx, read)
}
