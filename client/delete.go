package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// Delete moves a document to the trash.
func (c *Client) Delete(ctx context.Context, id sheaf.DocumentID) error {
	req, err := c.request(ctx, http.MethodDelete, "documents/"+url.PathEscape(string(id)), nil, nil)
	if err != nil {
		return err
	}
	res, err := c.do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
