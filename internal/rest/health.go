package rest

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/sheaf-dev/sheaf"
)

type healthInput struct{ call }

type healthOutput struct {
	Body health
}

type health struct {
	Status        string          `json:"status" enum:"ok,degraded"`
	Version       string          `json:"version" doc:"The program's"`
	Catalog       string          `json:"catalog" doc:"ok, or what is wrong"`
	Backends      []backendHealth `json:"backends"`
	LastOperation *time.Time      `json:"last_operation_at" doc:"The latest operation on a document; null before the first since the start"`
	Undrained     int64           `json:"undrained_blobs" doc:"Contents that are durable in the catalog and on their way to their backend"`
}

type backendHealth struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Status string `json:"status" enum:"ok,failing,unavailable" doc:"failing: the latest calls failed; unavailable: calls fail at once"`
	Detail string `json:"detail,omitempty" doc:"What is wrong"`

	UndrainedBlobs int64 `json:"undrained_blobs" doc:"Contents that wait in the catalog for this backend"`
	UndrainedBytes int64 `json:"undrained_bytes" doc:"Their stored size"`

	LastOperation *time.Time `json:"last_operation_at,omitempty" doc:"When a remote backend last answered"`
	LastError     string     `json:"last_error,omitempty" doc:"Of the latest call of a remote backend that failed"`
	LastErrorAt   *time.Time `json:"last_error_at,omitempty"`
}

// health describes the server: GET /health. It answers 200 even when something
// is degraded, because then the answer is worth reading most.
func (s *server) health(ctx context.Context, _ *healthInput) (*healthOutput, error) {
	state := s.library.Health(ctx)
	answer := health{
		Status:    state.Status,
		Version:   s.version,
		Catalog:   state.Catalog,
		Backends:  make([]backendHealth, 0, len(state.Backends)),
		Undrained: state.UndrainedBlobs,
	}
	for _, backend := range state.Backends {
		answer.Backends = append(answer.Backends, backendHealth{
			Name: backend.Name, Kind: backend.Kind, Status: backend.Status, Detail: backend.Detail,
			UndrainedBlobs: backend.UndrainedBlobs, UndrainedBytes: backend.UndrainedBytes,
			LastOperation: unlessZero(backend.LastOperation), LastError: backend.LastError, LastErrorAt: unlessZero(backend.LastErrorAt),
		})
	}
	answer.LastOperation = unlessZero(state.LastOperation)
	return &healthOutput{answer}, nil
}

// unlessZero returns a time in UTC, nil for none.
func unlessZero(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// live answers that the process is there: GET /livez.
func (s *server) live(w http.ResponseWriter, _ *http.Request) error {
	return writeOK(w)
}

// ready answers whether requests can be served: GET /readyz.
func (s *server) ready(w http.ResponseWriter, r *http.Request) error {
	state := s.library.Health(r.Context())
	if state.Ready {
		return writeOK(w)
	}
	return sheaf.Errorf(sheaf.ErrUnavailable, "the server is not ready: %s", state.Catalog).WithHint("see /health")
}

func writeOK(w http.ResponseWriter) error {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	io.WriteString(w, "ok\n")
	return nil
}
