package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// A Filter selects documents; its zero value selects all of them.
type Filter struct {
	Name          string    // part of the name, in any case of letters
	Tags          []string  // all of them
	Collection    string    // empty: all collections of free-standing documents
	Before, After time.Time // of the upload, exclusive; zero: unbounded
	PageSize      int       // documents per request; 0: the server's default
}

func (f Filter) query() url.Values {
	q := url.Values{}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	set("name", f.Name)
	set("tags", strings.Join(f.Tags, ","))
	set("collection", f.Collection)
	if !f.Before.IsZero() {
		set("before", f.Before.UTC().Format(time.RFC3339Nano))
	}
	if !f.After.IsZero() {
		set("after", f.After.UTC().Format(time.RFC3339Nano))
	}
	if f.PageSize != 0 {
		set("limit", strconv.Itoa(f.PageSize))
	}
	return q
}

// Query yields the documents that filter selects, newest first, and asks for a
// page whenever it needs one. An error is the last thing it yields.
func (c *Client) Query(ctx context.Context, filter Filter) iter.Seq2[sheaf.Document, error] {
	return func(yield func(sheaf.Document, error) bool) {
		query := filter.query()
		for query != nil {
			documents, next, err := c.page(ctx, query)
			if err != nil {
				yield(sheaf.Document{}, err)
				return
			}
			for _, doc := range documents {
				c.absolute(&doc)
				if !yield(doc, nil) {
					return
				}
			}
			query = next
		}
	}
}

// page returns the documents of one page and the query of the next, nil after
// the last.
func (c *Client) page(ctx context.Context, query url.Values) ([]sheaf.Document, url.Values, error) {
	req, err := c.request(ctx, http.MethodGet, "documents", query, nil)
	if err != nil {
		return nil, nil, err
	}
	var documents []sheaf.Document
	res, err := c.getJSON(req, &documents)
	if err != nil {
		return nil, nil, err
	}
	next, err := nextQuery(res.Header)
	if err == nil && next.Encode() == query.Encode() && next != nil {
		err = &sheaf.Error{Kind: sheaf.ErrInternal, Message: "the server names a page as its own successor"}
	}
	return documents, next, err
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
