package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/sheaf-dev/sheaf"
)

// A Deletion is the answer to a deletion, with what is needed to undo it.
type Deletion struct {
	ID               sheaf.DocumentID `json:"document_id"`
	Revision         int64            `json:"revision"`
	PreviousRevision int64            `json:"previous_revision"`
	AuditEntryID     int64            `json:"audit_entry_id"`
}

// Delete moves a document to the trash, from where [Client.Restore] brings it
// back.
func (c *Client) Delete(ctx context.Context, id sheaf.DocumentID) (Deletion, error) {
	var deletion Deletion
	req, err := c.request(ctx, http.MethodDelete, documentPath(id), nil, nil)
	if err != nil {
		return deletion, err
	}
	_, err = c.getJSON(req, &deletion)
	return deletion, err
}

// Purge removes the contents of a document in the trash for good. The log keeps
// saying that it was there.
func (c *Client) Purge(ctx context.Context, id sheaf.DocumentID) (sheaf.Change, error) {
	req, err := c.request(ctx, http.MethodPost, documentPath(id, "purge"), nil, nil)
	if err != nil {
		return sheaf.Change{}, err
	}
	return c.getChange(req)
}

// Trash yields the documents of a collection, the default one if it is empty,
// that are in the trash, the newest first, pageSize per request; 0 leaves that
// to the server. An error is the last thing it yields.
func (c *Client) Trash(ctx context.Context, collection string, pageSize int) iter.Seq2[sheaf.Document, error] {
	query := limitQuery(pageSize)
	if collection != "" {
		query.Set("collection", collection)
	}
	return pages[sheaf.Document](ctx, c, "trash", query)
}
