package client

import (
	"context"
	"net/http"

	"github.com/sheaf-dev/sheaf"
)

// Encryption returns what of the store is sealed, and by which master keys. Every
// blob is counted: however long that takes, it is waited for, as by [Client.Check].
func (c *Client) Encryption(ctx context.Context) (sheaf.EncryptionReport, error) {
	var report sheaf.EncryptionReport
	req, err := c.request(ctx, http.MethodGet, "admin/keys", nil, nil)
	if err != nil {
		return report, err
	}
	_, err = c.patient().getJSON(req, &report)
	return report, err
}

// RotateKeys has the server do a part of a rotation to its current master key.
// Call it again as long as it rewraps something and something remains.
func (c *Client) RotateKeys(ctx context.Context) (sheaf.KeyRotation, error) {
	var report sheaf.KeyRotation
	req, err := c.request(ctx, http.MethodPost, "admin/keys/rotate", nil, nil)
	if err != nil {
		return report, err
	}
	_, err = c.patient().getJSON(req, &report)
	return report, err
}
