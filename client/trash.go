package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// A Deletion is the answer to a deletion, with what is needed to undo it.
type Deletion struct {
	ID               sheaf.DocumentID `json:"document_id"`
	Revision         int64            `json:"revision"`
	PreviousRevision int64            `json:"previous_revision"`
	AuditEntryID     int64            `json:"audit_entry_id"`
	Below            []DeletedBelow   `json:"below,omitempty"` // of [Client.DeleteTree]
}

// A DeletedBelow is a document that was deleted with one above it. It is restored
// by itself.
type DeletedBelow struct {
	ID               sheaf.DocumentID `json:"document_id"`
	Name             string           `json:"name"`
	Collection       sheaf.Slug       `json:"collection"`
	Revision         int64            `json:"revision"`
	PreviousRevision int64            `json:"previous_revision"`
}

// Delete moves a document to the trash, from where [Client.Restore] brings it
// back. Its children stay.
func (c *Client) Delete(ctx context.Context, id sheaf.DocumentID) (Deletion, error) {
	return c.delete(ctx, id, nil)
}

// DeleteTree moves a document and all documents below it, its children and
// theirs, to the trash: all of them or none.
func (c *Client) DeleteTree(ctx context.Context, id sheaf.DocumentID) (Deletion, error) {
	return c.delete(ctx, id, url.Values{"with_children": {"true"}})
}

func (c *Client) delete(ctx context.Context, id sheaf.DocumentID, query url.Values) (Deletion, error) {
	var deletion Deletion
	req, err := c.request(ctx, http.MethodDelete, documentPath(id), query, nil)
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
