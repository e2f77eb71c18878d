package catalog

import (
	"database/sql"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Tx is a View that also writes. It is valid during one call of a mutation.
type Tx struct {
	View
	counters
	writer         *writer
	heads          map[string]streamHead      // of the streams that this transaction has written
	usages         map[int64]Usage            // of the collections, by pk, that it has counted or changed
	counts         map[int64]sheaf.BookCounts // by which the counts of books change, by pk
	touched        touched                    // including what a mutation that failed has touched
	dirty          bool                       // whether the current mutation has written
	newCollections bool                       // whether collections are others than the catalog remembers
	afterCommit    []func()
}

// Now returns the time of the transaction, to the millisecond. It never
// decreases from one transaction to the next, whatever the clock does.
func (tx *Tx) Now() time.Time { return fromMillis(tx.now) }

// AfterCommit calls fn once the transaction is durable, before its mutations are
// acknowledged. Fn runs on the writer's goroutine and must be quick.
func (tx *Tx) AfterCommit(fn func()) { tx.afterCommit = append(tx.afterCommit, fn) }

func (tx *Tx) exec(query string, args ...any) (sql.Result, error) {
	tx.dirty = true
	return tx.conn.exec(query, args...)
}
