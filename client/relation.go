package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// Relations returns the relations of a document: its parent, its children, its
// predecessors, its successors, then what else is related. Those of documents in
// the trash are among them.
func (c *Client) Relations(ctx context.Context, id sheaf.DocumentID) ([]sheaf.Relation, error) {
	var relations []sheaf.Relation
	req, err := c.request(ctx, http.MethodGet, documentPath(id, "relations"), nil, nil)
	if err != nil {
		return nil, err
	}
	_, err = c.getJSON(req, &relations)
	return relations, err
}

// RelationInput is a relation that a document is put into.
type RelationInput struct {
	Type  sheaf.RelationType `json:"type"`        // what the other document is to this one
	Other sheaf.DocumentID   `json:"document_id"` // the other document
	Note  string             `json:"note,omitempty"`
}

// Relate puts a document into a relation with another one. If they are in it
// already, its note becomes the one given.
func (c *Client) Relate(ctx context.Context, id sheaf.DocumentID, in RelationInput) (sheaf.RelationChange, error) {
	var change sheaf.RelationChange
	req, err := c.requestJSON(ctx, http.MethodPost, documentPath(id, "relations"), in)
	if err != nil {
		return change, err
	}
	_, err = c.getJSON(req, &change)
	return change, err
}

// Unrelate ends a relation: the one in which the other document is of the type
// to this one. The answer has what it was.
func (c *Client) Unrelate(ctx context.Context, id sheaf.DocumentID, relation sheaf.RelationType, other sheaf.DocumentID) (sheaf.RelationChange, error) {
	var change sheaf.RelationChange
	path := documentPath(id, "relations", url.PathEscape(string(relation)), url.PathEscape(string(other)))
	req, err := c.request(ctx, http.MethodDelete, path, nil, nil)
	if err != nil {
		return change, err
	}
	_, err = c.getJSON(req, &change)
	return change, err
}
