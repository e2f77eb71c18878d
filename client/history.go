package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Versions yields the contents that a document has had, the newest first. An
// error is the last thing it yields.
func (c *Client) Versions(ctx context.Context, id sheaf.DocumentID) iter.Seq2[sheaf.Version, error] {
	return pages[sheaf.Version](ctx, c, documentPath(id, "versions"), url.Values{})
}

// Version describes one of the contents that a document has had.
func (c *Client) Version(ctx context.Context, id sheaf.DocumentID, number int) (sheaf.Version, error) {
	var version sheaf.Version
	req, err := c.request(ctx, http.MethodGet, documentPath(id, "versions", strconv.Itoa(number)), nil, nil)
	if err != nil {
		return version, err
	}
	_, err = c.getJSON(req, &version)
	return version, err
}

// DiffInput says which versions of a document are compared.
type DiffInput struct {
	From    int  // 0: the one before To
	To      int  // 0: the current one
	Context *int // lines shown around a change; nil: three
}

func (in DiffInput) query() url.Values {
	query := url.Values{}
	setVersion(query, "from", in.From)
	setVersion(query, "to", in.To)
	if in.Context != nil {
		query.Set("context", strconv.Itoa(*in.Context))
	}
	return query
}

// setVersion adds a version's number to a query, unless it is 0.
func setVersion(query url.Values, key string, number int) {
	if number != 0 {
		query.Set(key, strconv.Itoa(number))
	}
}

// Diff says in which lines two versions of a document differ.
func (c *Client) Diff(ctx context.Context, id sheaf.DocumentID, in DiffInput) (sheaf.VersionComparison, error) {
	var comparison sheaf.VersionComparison
	req, err := c.request(ctx, http.MethodGet, documentPath(id, "diff"), in.query(), nil)
	if err != nil {
		return comparison, err
	}
	_, err = c.getJSON(req, &comparison)
	return comparison, err
}

// UnifiedDiff writes in which lines two versions of a document differ, as patch
// reads it, to w.
func (c *Client) UnifiedDiff(ctx context.Context, w io.Writer, id sheaf.DocumentID, in DiffInput) error {
	query := in.query()
	query.Set("format", "unified")
	req, err := c.request(ctx, http.MethodGet, documentPath(id, "diff"), query, nil)
	if err != nil {
		return err
	}
	res, err := c.do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

// RestoreInput says to what a document goes back: a version's content, or all
// that it was at a revision. With neither, it comes out of the trash as it was.
type RestoreInput struct {
	Version  int    `json:"version,omitempty"`
	Revision int64  `json:"revision,omitempty"`
	Message  string `json:"message,omitempty"`
}

// Restore makes a document what it was, as a new revision: what it is now stays
// in its history.
func (c *Client) Restore(ctx context.Context, id sheaf.DocumentID, in RestoreInput) (sheaf.Change, error) {
	req, err := c.requestJSON(ctx, http.MethodPost, documentPath(id, "restore"), in)
	if err != nil {
		return sheaf.Change{}, err
	}
	return c.getChange(req)
}

// A LogEntry is one operation that changed something: a revision of a stream,
// chained to the one before it. See [sheaf.LogEntry].
type LogEntry struct {
	ID          int64               `json:"id"`
	Stream      string              `json:"stream"` // a collection's name
	Revision    int64               `json:"revision"`
	At          time.Time           `json:"timestamp"`
	Principal   string              `json:"principal"`
	Label       string              `json:"label,omitempty"`
	Operation   string              `json:"operation"`
	Status      string              `json:"status"`
	Message     string              `json:"message,omitempty"`
	DurationUS  int64               `json:"duration_us"`
	OperationID string              `json:"operation_id,omitempty"` // what the entries of one operation over several collections have in common
	Documents   []sheaf.LogDocument `json:"documents"`              // in the log of a document only that one
	Detail      json.RawMessage     `json:"detail,omitempty"`       // what else an operation has to say
	Prev        sheaf.Digest        `json:"prev"`
	Hash        sheaf.Digest        `json:"hash"`
}

// DocumentLog yields what was done with a document, the newest first, pageSize
// entries per request; 0 leaves that to the server. An error is the last thing
// it yields.
func (c *Client) DocumentLog(ctx context.Context, id sheaf.DocumentID, pageSize int) iter.Seq2[LogEntry, error] {
	return pages[LogEntry](ctx, c, documentPath(id, "log"), limitQuery(pageSize))
}

// CollectionLog yields what was done in a collection, as DocumentLog does.
func (c *Client) CollectionLog(ctx context.Context, collection string, pageSize int) iter.Seq2[LogEntry, error] {
	return pages[LogEntry](ctx, c, collectionPath(collection)+"/log", limitQuery(pageSize))
}

// limitQuery returns the query that asks for so many rows at once.
func limitQuery(pageSize int) url.Values {
	query := url.Values{}
	if pageSize != 0 {
		query.Set("limit", strconv.Itoa(pageSize))
	}
	return query
}
