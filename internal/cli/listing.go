package cli

import (
	"iter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	defaultLimit = 50
	fullPage     = 1000 // the most rows that servers send at once
)

// pageFlags say how much of a listing is wanted.
type pageFlags struct {
	limit int
	all   bool
}

func (f *pageFlags) bind(flags *pflag.FlagSet, rows string) {
	flags.IntVar(&f.limit, "limit", defaultLimit, "most "+rows+" to list")
	flags.BoolVar(&f.all, "all", false, "list all "+rows+", however many")
}

func (f *pageFlags) check(cmd *cobra.Command) error {
	if f.limit < 1 {
		return usageError(cmd, "--limit is at least 1")
	}
	return nil
}

// pageSize returns how many rows to ask for at once.
func (f *pageFlags) pageSize() int {
	if f.all {
		return fullPage
	}
	return min(f.limit, fullPage)
}

// A listing is the rows found, up to a limit, and whether there are more.
type listing[T any] struct {
	rows  iter.Seq2[T, error]
	limit int // 0: none

	count int
	more  bool
}

func newListing[T any](rows iter.Seq2[T, error], flags pageFlags) *listing[T] {
	if flags.all {
		flags.limit = 0
	}
	return &listing[T]{rows: rows, limit: flags.limit}
}

// all yields the rows and leaves count and more as the last one finds them. An
// error is the last thing it yields.
func (l *listing[T]) all(yield func(T, error) bool) {
	for row, err := range l.rows {
		if err == nil && l.limit > 0 && l.count == l.limit {
			l.more = true
			return
		}
		if err == nil {
			l.count++
		}
		if !yield(row, err) {
			return
		}
	}
}

// noteMore tells that the limit has cut the listing.
func (l *listing[T]) noteMore(cmd *cobra.Command, o *options, rows string) {
	if l.more {
		o.note(cmd, "there are more %s; --all lists them, --limit so many", rows)
	}
}
