package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// summaryURL returns the path of the summary of a lesson or a directory, or of
// the whole book, which is "/", below the server's URL.
func summaryURL(book, subject string) (string, error) {
	subject = strings.TrimSuffix(subject, "/")
	if subject == "" {
		return bookPath(book) + "/summaries/", nil
	}
	escaped, err := escapePath(subject)
	return bookPath(book) + "/summaries" + escaped, err
}

// Summary reads the summary of a lesson or a directory of a book.
func (c *Client) Summary(ctx context.Context, book, subject string) (sheaf.SummaryText, error) {
	var text sheaf.SummaryText
	path, err := summaryURL(book, subject)
	if err != nil {
		return text, err
	}
	req, err := c.request(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return text, err
	}
	_, err = c.getJSON(req, &text)
	return text, err
}

// PutSummary writes the summary of a lesson or a directory of a book. It is
// refused as [Client.PutFile] is.
func (c *Client) PutSummary(ctx context.Context, book, subject string, in FileInput) (sheaf.Change, error) {
	path, err := summaryURL(book, subject)
	if err != nil {
		return sheaf.Change{}, err
	}
	return c.putFile(ctx, path, url.Values{}, in)
}

// DeleteSummary moves the summary of a lesson or a directory of a book to the
// trash. That there is none is no error.
func (c *Client) DeleteSummary(ctx context.Context, book, subject string, fileHash *sheaf.Digest, message string) (FileDeletion, error) {
	path, err := summaryURL(book, subject)
	if err != nil {
		return FileDeletion{}, err
	}
	return c.deleteFile(ctx, path, url.Values{}, fileHash, message)
}

// SummariesInput selects summaries of a book.
type SummariesInput struct {
	Path     string // of a directory whose summaries are wanted and those below, or of a lesson; empty: all
	Only     string // "stale", or "missing": what has none; empty: all that there are
	PageSize int    // per request; 0 leaves that to the server
}

// Summaries yields summaries of a book, in the order of their own paths. An error
// is the last thing it yields.
func (c *Client) Summaries(ctx context.Context, book string, in SummariesInput) iter.Seq2[sheaf.Summary, error] {
	query := limitQuery(in.PageSize)
	setText(query, "path", in.Path)
	setText(query, "only", in.Only)
	return pagesOf(ctx, c, bookPath(book)+"/summaries", query, func(list struct {
		Summaries []sheaf.Summary `json:"summaries"`
	}) []sheaf.Summary {
		return list.Summaries
	})
}
