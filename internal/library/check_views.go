package library

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/catalog"
)

// viewsSettle is how long after a change a process that was killed, or has just
// started, may still owe the views of it.
const viewsSettle = time.Minute

// views compares the views of the registry with the catalog, and has them written
// again if that is wanted. What the job that writes them is about to do is no
// problem.
func (c *check) views(ctx context.Context) error {
	l := c.library
	if l.views.dir == "" {
		return nil
	}
	l.views.mu.Lock()
	defer l.views.mu.Unlock()
	pending, err := l.viewsPending(ctx)
	if err != nil {
		return err
	}
	return l.eachView(ctx, func(v view) error {
		if v.isCurrent() {
			return nil
		}
		var done mending
		if c.repair != nil {
			if err := v.write(); err != nil {
				return err
			}
			done = mending{"it is written again", true}
		}
		if !pending {
			c.add(sheaf.Problem{Area: "views", Message: v.wrong(), Repair: done.what, Repaired: done.repaired})
		}
		return nil
	})
}

// viewsPending reports whether the views may be behind the catalog for a moment.
// The caller holds the mutex of the views.
func (l *Library) viewsPending(ctx context.Context) (bool, error) {
	if l.views.written == l.views.changes.Load() {
		return false, nil
	}
	var changed time.Time
	err := l.catalog.Read(ctx, func(v *catalog.View) (err error) {
		changed, err = v.NewestOf("book.create", "book.change", "collection.create", "collection.change", "collection.delete")
		return err
	})
	return changed.IsZero() || l.now().Sub(changed) < viewsSettle, err
}

// wrong says what is wrong with a view.
func (v view) wrong() string {
	if v.text == nil {
		return v.path + " is of a book that is not there"
	}
	if _, err := os.Stat(v.file); errors.Is(err, fs.ErrNotExist) {
		return v.path + " is missing"
	}
	return v.path + " is not what the catalog says"
}

// bookCounts compares the counts that are kept of books with their files, and has
// them counted anew if that is wanted.
func (c *check) bookCounts(ctx context.Context) error {
	var wrong []*catalog.Collection
	var messages []string
	err := c.library.snapshotOfBook(ctx, func(v *catalog.View) (err error) {
		wrong, messages, err = v.WrongBookCounts()
		return err
	})
	if err != nil {
		return err
	}
	for i, book := range wrong {
		var done mending
		if c.repair != nil {
			err := c.library.catalog.Mutate(ctx, 0, func(tx *catalog.Tx) error { return tx.SetBookCounts(book) })
			if err != nil {
				return err
			}
			done = mending{"they are counted anew", true}
		}
		c.add(sheaf.Problem{Area: "catalog", Message: messages[i], Repair: done.what, Repaired: done.repaired})
	}
	return nil
}
