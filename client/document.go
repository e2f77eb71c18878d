package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sheaf-dev/sheaf"
)

// CreateInput is a document that gets its content later, with
// [Client.PutContent].
type CreateInput struct {
	Name        string          `json:"name"`               // required
	Filename    string          `json:"filename,omitempty"` // decides the MIME type; the name when empty
	Tags        []string        `json:"tags,omitempty"`
	Description string          `json:"description,omitempty"`
	Collection  string          `json:"collection,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"` // a JSON object
	Message     string          `json:"message,omitempty"`  // says why, in the history

	IdempotencyKey string `json:"-"` // as that of a [PushInput]
}

// Create makes a document without content: its version is 0.
func (c *Client) Create(ctx context.Context, in CreateInput) (sheaf.Document, error) {
	var doc sheaf.Document
	req, err := c.requestJSON(ctx, http.MethodPost, "documents", in)
	if err != nil {
		return doc, err
	}
	c.createOnce(req, in.IdempotencyKey)
	if _, err := c.getJSON(req, &doc); err != nil {
		return doc, err
	}
	c.absolute(&doc)
	return doc, nil
}

// DocumentState is what a document is, or was at some moment.
type DocumentState struct {
	sheaf.Document
	Revision int64 `json:"revision"` // since which it is so
}

// Metadata returns what is said of a document, without its content.
func (c *Client) Metadata(ctx context.Context, id sheaf.DocumentID, at Moment) (DocumentState, error) {
	var state DocumentState
	query := url.Values{}
	at.set(query)
	req, err := c.request(ctx, http.MethodGet, documentPath(id, "metadata"), query, nil)
	if err != nil {
		return state, err
	}
	if _, err := c.getJSON(req, &state); err != nil {
		return state, err
	}
	c.absolute(&state.Document)
	return state, nil
}

// ChangeInput says what to change of what is said of a document. What is nil
// stays.
type ChangeInput struct {
	Name        *string         `json:"name,omitempty"`
	Description *string         `json:"description,omitempty"`
	Tags        *[]string       `json:"tags,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"` // a JSON object, which replaces the one there is
	Message     string          `json:"message,omitempty"`

	// Revision is that of the state which the change was made for; 0: whatever
	// it is now. If the document has changed since, nothing is changed and the
	// error is of the kind precondition_failed.
	Revision int64 `json:"-"`

	// Collection is whose revision that is; empty: of the default collection, or
	// of the only one that the document has been in.
	Collection sheaf.Slug `json:"-"`
}

// Change changes a document's name, description, tags or metadata.
func (c *Client) Change(ctx context.Context, id sheaf.DocumentID, in ChangeInput) (sheaf.Change, error) {
	req, err := c.requestJSON(ctx, http.MethodPatch, documentPath(id), in)
	if err != nil {
		return sheaf.Change{}, err
	}
	if in.Revision != 0 {
		tag := fmt.Sprintf("r%d", in.Revision)
		if in.Collection != "" {
			tag += "@" + string(in.Collection)
		}
		req.Header.Set("If-Match", strconv.Quote(tag))
	}
	return c.getChange(req)
}

// getChange sends req and returns the change that it has made.
func (c *Client) getChange(req *http.Request) (sheaf.Change, error) {
	var change sheaf.Change
	if _, err := c.getJSON(req, &change); err != nil {
		return sheaf.Change{}, err
	}
	c.absolute(&change.Document)
	return change, nil
}

// documentPath returns the path of a document, or of something below it.
func documentPath(id sheaf.DocumentID, below ...string) string {
	path := "documents/" + url.PathEscape(string(id))
	for _, segment := range below {
		path += "/" + segment
	}
	return path
}
