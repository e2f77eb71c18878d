package library_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sheaf-dev/sheaf/internal/library"
)

// Twenty listings of the stale summaries of a book of 10,000 lessons once had all
// connections to the catalog, and whoever read one lesson waited nine seconds.
func TestWholeBooksWaitForTheirTurn(t *testing.T) {
	s := open(t)
	if _, err := s.CreateBook(t.Context(), library.NewBook{ID: "field-notes"}); err != nil {
		t.Fatal(err)
	}
	release := s.Library.TakeWholeBooks()
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Summaries(impatient, library.SummaryQuery{Book: "field-notes", Limit: 10})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("while others read whole books, summaries are listed: %v", err)
	}
	release()
	if _, err := s.Summaries(t.Context(), library.SummaryQuery{Book: "field-notes", Limit: 10}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
