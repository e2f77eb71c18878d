package client

import (
	"context"
	"iter"
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
	At            Moment    // what there was then; a revision is of the collection that has to be named
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
	f.At.set(q)
	if f.PageSize != 0 {
		set("limit", strconv.Itoa(f.PageSize))
	}
	return q
}

// Query yields the documents that filter selects, newest first, and asks for a
// page whenever it needs one. An error is the last thing it yields.
func (c *Client) Query(ctx context.Context, filter Filter) iter.Seq2[sheaf.Document, error] {
	return func(yield func(sheaf.Document, error) bool) {
		for doc, err := range pages[sheaf.Document](ctx, c, "documents", filter.query()) {
			if err == nil {
				c.absolute(&doc)
			}
			if !yield(doc, err) {
				return
			}
		}
	}
}
