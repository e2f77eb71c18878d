package client

import (
	"context"
	"net/http"
	"time"
)

// Health is how a server says it is.
type Health struct {
	Status         string          `json:"status"` // "ok" or "degraded"
	Version        string          `json:"version"`
	Catalog        string          `json:"catalog"` // "ok", or what is wrong
	Backends       []BackendHealth `json:"backends"`
	LastOperation  *time.Time      `json:"last_operation_at"` // on a document; nil: none since the start
	UndrainedBlobs int64           `json:"undrained_blobs"`   // durable in the catalog, on their way to a backend
}

// BackendHealth is the state of one place where contents live.
type BackendHealth struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Status string `json:"status"` // "ok", "failing" or "unavailable"
	Detail string `json:"detail"`

	UndrainedBlobs int64      `json:"undrained_blobs"` // that wait for this backend
	UndrainedBytes int64      `json:"undrained_bytes"`
	LastOperation  *time.Time `json:"last_operation_at"` // of a remote backend; nil: none since the start
	LastError      string     `json:"last_error"`
	LastErrorAt    *time.Time `json:"last_error_at"`
}

// Health asks the server how it is. A degraded server answers without error.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var health Health
	req, err := c.request(ctx, http.MethodGet, "health", nil, nil)
	if err != nil {
		return health, err
	}
	_, err = c.getJSON(req, &health)
	return health, err
}
