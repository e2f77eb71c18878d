package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/sheaf-dev/sheaf"
)

// pages yields the rows of a listing and asks for a page whenever it needs one.
// An error is the last thing it yields.
func pages[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return pagesOf(ctx, c, path, query, func(rows []T) []T { return rows })
}

// pagesOf does the same where the rows are in an object.
func pagesOf[P, T any](ctx context.Context, c *Client, path string, query url.Values, rowsOf func(P) []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for query := query; query != nil; {
			answer, next, err := page[P](ctx, c, path, query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range rowsOf(answer) {
				if !yield(row, nil) {
					return
				}
			}
			query = next
		}
	}
}

// page returns one page and the query of the next, nil after the last.
func page[P any](ctx context.Context, c *Client, path string, query url.Values) (rows P, next url.Values, err error) {
	req, err := c.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return rows, nil, err
	}
	res, err := c.getJSON(req, &rows)
	if err != nil {
		return rows, nil, err
	}
	next, err = nextQuery(res.Header)
	if err == nil && next.Encode() == query.Encode() && next != nil {
		err = &sheaf.Error{Kind: sheaf.ErrInternal, Message: "the server names a page as its own successor"}
	}
	return rows, next, err
}

// nextQuery returns the query of the Link (RFC 8288) with the relation next, nil
// when there is none. The rest of the link is ignored: behind a proxy the server
// may not know its own address, and a foreign one must not be followed.
func nextQuery(header http.Header) (url.Values, error) {
	for _, field := range header.Values("Link") {
		for field != "" {
			target, rest, found := strings.Cut(field, ">")
			_, target, opened := strings.Cut(target, "<")
			if !found || !opened {
				break
			}
			parameters := rest
			if comma := strings.IndexByte(rest, ','); comma >= 0 {
				parameters, field = rest[:comma], rest[comma+1:]
			} else {
				field = ""
			}
			if !strings.Contains(parameters, `rel="next"`) && !strings.Contains(parameters, "rel=next") {
				continue
			}
			link, err := url.Parse(target)
			if err != nil {
				return nil, &sheaf.Error{Kind: sheaf.ErrInternal, Message: fmt.Sprintf("the server links to a next page that is no URL: %q", target), Err: err}
			}
			return link.Query(), nil
		}
	}
	return nil, nil
}
