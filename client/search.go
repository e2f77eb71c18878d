package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

// BooksSearched says where something is looked for.
type BooksSearched struct {
	Book     string // a book, or
	AllBooks bool   // all of them; one of the two has to be given
	At       Moment // as they were then; in all books, a time
}

func (in BooksSearched) set(query url.Values) {
	setText(query, "book_id", in.Book)
	if in.AllBooks {
		query.Set("all_books", "true")
	}
	in.At.set(query)
}

// GlobInput selects files of books by their paths.
type GlobInput struct {
	BooksSearched
	Pattern  string // such as content/**/*.md; without a slash it is for a name, at any depth
	PageSize int    // files per request; 0 leaves that to the server
}

// Glob yields pages of files, by book and path. The last page has no Cursor; one
// that is Truncated all the same has not all, because the server ran out of time.
// An error is the last thing it yields.
func (c *Client) Glob(ctx context.Context, in GlobInput) iter.Seq2[sheaf.GlobResult, error] {
	query := limitQuery(in.PageSize)
	query.Set("pattern", in.Pattern)
	in.set(query)
	return func(yield func(sheaf.GlobResult, error) bool) {
		for {
			var page sheaf.GlobResult
			req, err := c.request(ctx, http.MethodGet, "glob", query, nil)
			if err == nil {
				_, err = c.getJSON(req, &page)
			}
			if !yield(page, err) || err != nil || page.Cursor == "" {
				return
			}
			query.Set("cursor", page.Cursor)
		}
	}
}

// GrepInput says what is looked for in the texts of books.
type GrepInput struct {
	BooksSearched
	Pattern      string // a regular expression in the syntax of RE2, matched against one line at a time
	IgnoreCase   bool
	PathGlob     string // of the files searched; empty: all
	MaxResults   int    // 0 leaves that to the server
	ContextLines int    // before and behind each line
}

// Grep finds the first lines that match, by book, path and number.
func (c *Client) Grep(ctx context.Context, in GrepInput) (sheaf.GrepResult, error) {
	var result sheaf.GrepResult
	query := url.Values{"pattern": {in.Pattern}}
	in.set(query)
	setText(query, "path_glob", in.PathGlob)
	if in.IgnoreCase {
		query.Set("ignore_case", "true")
	}
	for name, number := range map[string]int{"max_results": in.MaxResults, "context_lines": in.ContextLines} {
		if number > 0 {
			query.Set(name, strconv.Itoa(number))
		}
	}
	req, err := c.request(ctx, http.MethodGet, "grep", query, nil)
	if err != nil {
		return result, err
	}
	_, err = c.getJSON(req, &result)
	return result, err
}
