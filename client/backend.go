package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// Backends describes the server's storage backends, by name.
func (c *Client) Backends(ctx context.Context) ([]sheaf.BackendInfo, error) {
	var backends []sheaf.BackendInfo
	req, err := c.request(ctx, http.MethodGet, "admin/backends", nil, nil)
	if err != nil {
		return nil, err
	}
	_, err = c.getJSON(req, &backends)
	return backends, err
}

// TestBackend has the server try all that a storage backend has to do. What is
// wrong with the backend is in the answer, and is no error.
func (c *Client) TestBackend(ctx context.Context, name string) (sheaf.BackendTest, error) {
	var test sheaf.BackendTest
	req, err := c.request(ctx, http.MethodPost, "admin/backends/"+url.PathEscape(name)+"/test", nil, nil)
	if err != nil {
		return test, err
	}
	_, err = c.patient().getJSON(req, &test)
	return test, err
}
