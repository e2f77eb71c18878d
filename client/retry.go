package client

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// DefaultRetries is how often a request is sent again; see [WithRetries].
const DefaultRetries = 3

const (
	retryPause    = 200 * time.Millisecond // before the first retry, about; then twice as long each
	maxRetryPause = 30 * time.Second       // that a server may ask for
)

// WithRetries bounds how often a request is sent again that failed for a reason
// that may pass: a connection that broke, a server that restarts or has too much
// to do. Zero never sends anything twice.
//
// Only what is safe to repeat is: reading, and creating with an idempotency key,
// as [Client.Push] does whenever it can read the content again. Other changes are
// sent again only when the server has said that it did nothing, with 429. Between
// two attempts there is a pause that grows and varies, or as long as the server
// asks for; the end of the context ends it.
func WithRetries(most int) Option {
	return func(c *Client) { c.retries = most }
}

const idempotencyHeader = "Idempotency-Key"

// createOnce makes a request that creates something one that can be sent again,
// if its body can be. An empty key is replaced by one of its own.
func (c *Client) createOnce(req *http.Request, key string) {
	if key == "" && req.GetBody != nil && c.retries > 0 {
		key = rand.Text()
	}
	if key != "" {
		req.Header.Set(idempotencyHeader, key)
	}
}

// do sends req and returns the answer if its status is 2xx, else the error it
// carries. It sends req again where that is safe. The caller closes the body.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	for retried := 0; ; retried++ {
		res, asked, err := c.attempt(req)
		if err == nil {
			c.reached.Store(true)
			return res, nil
		}
		pause := max(asked, backoff(retried))
		if retried >= c.retries || pause > maxRetryPause || !c.repeatable(req, err) || !sleep(req.Context(), pause) {
			return nil, err
		}
		if req.GetBody != nil {
			body, bodyErr := req.GetBody()
			if bodyErr != nil {
				return nil, err
			}
			req.Body = body
		}
	}
}

// repeatable reports whether a request that failed with err may succeed when it
// is sent again, and does no harm.
func (c *Client) repeatable(req *http.Request, err error) bool {
	if req.Context().Err() != nil || errors.As(err, new(*sourceError)) {
		return false
	}
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false // the body is gone
	}
	switch sheaf.KindOf(err) {
	case sheaf.ErrRateLimited:
		return true
	case sheaf.ErrUnavailable, sheaf.ErrBackendUnavailable:
		// Where no server has ever answered there is probably none.
		if errors.As(err, new(*dialError)) && !c.reached.Load() {
			return false
		}
		return req.Method == http.MethodGet || req.Method == http.MethodHead || req.Header.Get(idempotencyHeader) != ""
	}
	return false
}

// A dialError says that there was no connection at all.
type dialError struct{ error }

// Unwrap returns the error of dialling.
func (e *dialError) Unwrap() error { return e.error }

// backoff returns how long to wait before the next attempt when so many were
// made again: half to one and a half of what has doubled each time, so that
// clients that failed together do not come back together.
func backoff(retried int) time.Duration {
	pause := retryPause << min(retried, 6)
	return pause/2 + mathrand.N(pause)
}

// sleep waits, and reports whether ctx is still there.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter returns how long the server asks to be left alone: seconds, or until
// a date. It is 0 when it does not say.
func retryAfter(header http.Header) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(time.Until(date), 0)
	}
	return 0
}
