package client

import (
	"context"
	"net/http"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// Move moves a document to another collection on the same backend. It keeps its
// id, its versions and its history. The message says why, for the history.
func (c *Client) Move(ctx context.Context, id sheaf.DocumentID, collection, message string) (sheaf.Change, error) {
	req, err := c.requestJSON(ctx, http.MethodPost, documentPath(id, "move"), struct {
		Collection string `json:"collection"`
		Message    string `json:"message,omitempty"`
	}{collection, message})
	if err != nil {
		return sheaf.Change{}, err
	}
	return c.getChange(req)
}

// BulkInput says which documents are changed at once, all or none of them: those
// with the ids, or those that the filter finds. One of the two is given.
type BulkInput struct {
	IDs     []sheaf.DocumentID `json:"document_ids,omitempty"`
	Filter  *BulkFilter        `json:"filter,omitempty"`
	DryRun  bool               `json:"dry_run,omitempty"` // say what would be changed, and change nothing
	Message string             `json:"message,omitempty"` // says why, in the history

	// Selection is that of an earlier answer, such as a preview: when other
	// documents are selected now, or one of them has changed, nothing is changed
	// and the error is of the kind precondition_failed.
	Selection *sheaf.Digest `json:"selection,omitempty"`
}

// A BulkFilter selects documents as a [Filter] does.
type BulkFilter struct {
	Name       string    `json:"name,omitempty"`
	Tags       []string  `json:"tags,omitempty"`
	Collection string    `json:"collection,omitempty"`
	Before     time.Time `json:"before,omitzero"`
	After      time.Time `json:"after,omitzero"`
	All        bool      `json:"all,omitempty"` // has to be set when nothing else is: it selects everything
}

// TagInput says what happens to tags: some are added and some removed, or all
// are set.
type TagInput struct {
	Add    []string  `json:"add,omitempty"`
	Remove []string  `json:"remove,omitempty"`
	Set    *[]string `json:"set,omitempty"` // instead of those there are
}

// TagDocuments changes the tags of documents.
func (c *Client) TagDocuments(ctx context.Context, in BulkInput, tags TagInput) (sheaf.BulkChange, error) {
	return c.bulk(ctx, sheaf.BulkTag, struct {
		BulkInput
		TagInput
	}{in, tags})
}

// MoveDocuments moves documents to another collection, as [Client.Move] does.
// Those that are there already stay.
func (c *Client) MoveDocuments(ctx context.Context, in BulkInput, collection string) (sheaf.BulkChange, error) {
	return c.bulk(ctx, sheaf.BulkMove, struct {
		BulkInput
		Collection string `json:"collection"`
	}{in, collection})
}

// DeleteDocuments moves documents to the trash. Those that are there already
// stay.
func (c *Client) DeleteDocuments(ctx context.Context, in BulkInput) (sheaf.BulkChange, error) {
	return c.bulk(ctx, sheaf.BulkDelete, in)
}

// RestoreDocuments brings documents back from the trash. A filter looks in the
// trash; of documents that are named, those that are not in there stay.
func (c *Client) RestoreDocuments(ctx context.Context, in BulkInput) (sheaf.BulkChange, error) {
	return c.bulk(ctx, sheaf.BulkRestore, in)
}

func (c *Client) bulk(ctx context.Context, action sheaf.BulkAction, in any) (sheaf.BulkChange, error) {
	var done sheaf.BulkChange
	req, err := c.requestJSON(ctx, http.MethodPost, "documents/batch/"+string(action), in)
	if err != nil {
		return done, err
	}
	_, err = c.getJSON(req, &done)
	return done, err
}
