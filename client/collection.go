package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// Collections returns all collections, by name.
func (c *Client) Collections(ctx context.Context) ([]sheaf.CollectionStats, error) {
	var collections []sheaf.CollectionStats
	req, err := c.request(ctx, http.MethodGet, "collections", nil, nil)
	if err != nil {
		return nil, err
	}
	_, err = c.getJSON(req, &collections)
	return collections, err
}

// Collection describes a collection.
func (c *Client) Collection(ctx context.Context, name string) (sheaf.CollectionStats, error) {
	var collection sheaf.CollectionStats
	req, err := c.request(ctx, http.MethodGet, collectionPath(name), nil, nil)
	if err != nil {
		return collection, err
	}
	_, err = c.getJSON(req, &collection)
	return collection, err
}

// CollectionInput is a collection to be created.
type CollectionInput struct {
	Name        string                 `json:"name"`            // required
	Title       string                 `json:"title,omitempty"` // the name when empty
	Description string                 `json:"description,omitempty"`
	Policy      sheaf.WritePolicy      `json:"write_policy,omitempty"`    // upsert when empty
	Backend     string                 `json:"storage_backend,omitempty"` // the default one when empty
	Limits      sheaf.CollectionLimits `json:"limits,omitzero"`
	Retention   sheaf.Retention        `json:"retention,omitzero"` // keeps everything when zero
}

// CreateCollection makes an empty collection of documents.
func (c *Client) CreateCollection(ctx context.Context, in CollectionInput) (sheaf.CollectionStats, error) {
	return c.sendCollection(ctx, http.MethodPost, "collections", in)
}

// CollectionChange says what to change of a collection. What is nil stays.
type CollectionChange struct {
	Title       *string                 `json:"title,omitempty"`
	Description *string                 `json:"description,omitempty"`
	Policy      *sheaf.WritePolicy      `json:"write_policy,omitempty"`
	Status      *sheaf.CollectionStatus `json:"status,omitempty"` // active or archived
	Limits      *sheaf.CollectionLimits `json:"limits,omitempty"` // all of them together
	Retention   *sheaf.Retention        `json:"retention,omitempty"`
}

// ChangeCollection changes what is said of a collection and what may be done
// with it.
func (c *Client) ChangeCollection(ctx context.Context, name string, in CollectionChange) (sheaf.CollectionStats, error) {
	return c.sendCollection(ctx, http.MethodPatch, collectionPath(name), in)
}

// DeleteCollection deletes a collection that holds nothing, not even in its trash.
func (c *Client) DeleteCollection(ctx context.Context, name string) (sheaf.CollectionDeletion, error) {
	return c.deleteCollection(ctx, name, nil)
}

// PurgeCollection deletes a collection with all documents that are in it and in
// its trash, for good. Confirm is its name once more, as somebody typed it. If it
// is interrupted, the collection refuses writes, and purging it again goes on.
func (c *Client) PurgeCollection(ctx context.Context, name, confirm string) (sheaf.CollectionDeletion, error) {
	return c.deleteCollection(ctx, name, url.Values{"with_documents": {"true"}, "confirm": {confirm}})
}

func (c *Client) deleteCollection(ctx context.Context, name string, query url.Values) (sheaf.CollectionDeletion, error) {
	var deletion sheaf.CollectionDeletion
	req, err := c.request(ctx, http.MethodDelete, collectionPath(name), query, nil)
	if err != nil {
		return deletion, err
	}
	_, err = c.getJSON(req, &deletion)
	return deletion, err
}

func (c *Client) sendCollection(ctx context.Context, method, path string, in any) (sheaf.CollectionStats, error) {
	var collection sheaf.CollectionStats
	req, err := c.requestJSON(ctx, method, path, in)
	if err != nil {
		return collection, err
	}
	_, err = c.getJSON(req, &collection)
	return collection, err
}

func collectionPath(name string) string { return "collections/" + url.PathEscape(name) }
