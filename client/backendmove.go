package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// BackendMoveInput says where a collection is to move to.
type BackendMoveInput struct {
	Backend      string `json:"storage_backend"`
	GraceSeconds *int64 `json:"grace_seconds,omitempty"` // for which the old backend keeps its copy; nil: as the server is set up
}

// MoveCollection begins to move a collection or a book to another backend.
func (c *Client) MoveCollection(ctx context.Context, name string, in BackendMoveInput) (sheaf.BackendMove, error) {
	req, err := c.requestJSON(ctx, http.MethodPost, movePath(name), in)
	return c.getMove(req, err)
}

// CollectionMove says how far the move of a collection is, or what became of its
// latest one.
func (c *Client) CollectionMove(ctx context.Context, name string) (sheaf.BackendMove, error) {
	req, err := c.request(ctx, http.MethodGet, movePath(name), nil, nil)
	return c.getMove(req, err)
}

// RollBackMove makes the backend that a collection moves from its backend again.
func (c *Client) RollBackMove(ctx context.Context, name string) (sheaf.BackendMove, error) {
	req, err := c.request(ctx, http.MethodDelete, movePath(name), nil, nil)
	return c.getMove(req, err)
}

// FinishMove gives up the copy on the backend that a collection has moved from.
func (c *Client) FinishMove(ctx context.Context, name string) (sheaf.BackendMove, error) {
	req, err := c.request(ctx, http.MethodPost, movePath(name)+"/finish", nil, nil)
	return c.getMove(req, err)
}

// PlanMove counts what a move of a collection to a backend would copy.
func (c *Client) PlanMove(ctx context.Context, name, backend string) (sheaf.MovePlan, error) {
	var plan sheaf.MovePlan
	req, err := c.request(ctx, http.MethodGet, movePath(name)+"/plan", url.Values{"storage_backend": {backend}}, nil)
	if err != nil {
		return plan, err
	}
	_, err = c.getJSON(req, &plan)
	return plan, err
}

func movePath(name string) string { return collectionPath(name) + "/backend" }

func (c *Client) getMove(req *http.Request, err error) (sheaf.BackendMove, error) {
	var move sheaf.BackendMove
	if err != nil {
		return move, err
	}
	_, err = c.getJSON(req, &move)
	return move, err
}
