package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/sheaf-dev/sheaf"
)

// DefaultURL is where a server listens that was not told otherwise.
const DefaultURL = "http://127.0.0.1:8766"

// DefaultTimeout is how long a server may be silent; see [WithTimeout].
const DefaultTimeout = 30 * time.Second

// A Client calls one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	agent   string
	timeout time.Duration
	retries int
	reached *atomic.Bool // whether the server has ever answered well
}

// An Option changes how a [Client] is made.
type Option func(*Client)

// WithTransport sends requests through rt instead of over the network:
// see [HandlerTransport] and [SocketTransport].
func WithTransport(rt http.RoundTripper) Option {
	return func(c *Client) { c.http.Transport = rt }
}

// WithAgent sets the label that the server records beside the caller's identity.
func WithAgent(label string) Option {
	return func(c *Client) { c.agent = label }
}

// WithTimeout bounds how long a call waits for the server while no byte moves:
// connecting, sending or receiving. It never bounds a call as a whole; for that
// there is its context. Zero or less waits for ever.
func WithTimeout(silence time.Duration) Option {
	return func(c *Client) { c.timeout = silence }
}

// New returns a client of the server at baseURL, which is http or https and may
// have a path when the server stands behind a proxy. It does not connect.
func New(baseURL string, options ...Option) (*Client, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, sheaf.Invalid("url", fmt.Sprintf("the server's URL is such as %s; %q is not", DefaultURL, baseURL))
	}
	c := &Client{base: base, http: &http.Client{}, timeout: DefaultTimeout, retries: DefaultRetries, reached: new(atomic.Bool)}
	for _, option := range options {
		option(c)
	}
	if c.http.Transport == nil {
		c.http.Transport = networkTransport()
	}
	return c, nil
}

// Close closes the connections that no call is using.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// connectionsPerHost is how many idle connections are kept: as many as somebody
// may want to push with at once.
const connectionsPerHost = 32

// networkTransport returns the transport of ordinary servers. It asks for no
// compression, because digests are those of the plain content.
func networkTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true
	t.MaxIdleConnsPerHost = connectionsPerHost
	return t
}

// request makes a request for the path below the server's URL.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("request %s %s: %w", method, path, err)
	}
	if c.agent != "" {
		req.Header.Set("X-Agent-Id", c.agent)
	}
	return req, nil
}

// requestJSON makes a request with v as its body.
func (c *Client) requestJSON(ctx context.Context, method, path string, v any) (*http.Request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, sheaf.Errorf(sheaf.ErrInvalid, "the request has no JSON form: %w", err)
	}
	req, err := c.request(ctx, method, path, nil, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// attempt sends req once and returns the answer if its status is 2xx, else the
// error it carries, and how long the server asks to be left alone. The caller
// closes the body, which ends the request's context.
func (c *Client) attempt(req *http.Request) (res *http.Response, pause time.Duration, err error) {
	parent := req.Context()
	ctx, idle := watchIdle(parent, c.timeout)
	req = req.WithContext(ctx)
	idle.watchRequest(req)
	idle.wait(sending)
	res, err = c.http.Do(req)
	idle.enter(receiving)
	if err != nil {
		err = c.connectionError(ctx, err)
		idle.stop()
		return nil, 0, err
	}
	res.Body = &watchedBody{body: res.Body, idle: idle, translate: func(err error) error { return c.connectionError(ctx, err) }}
	if res.StatusCode/100 == 2 {
		return res, 0, nil
	}
	defer res.Body.Close()
	return nil, retryAfter(res.Header), problemOf(res)
}

// maxAnswer bounds an answer that is decoded as a whole: a page of 1,000
// documents with all their fields at the limit stays below.
const maxAnswer = 128 << 20

// getJSON sends req and decodes the answer into v.
func (c *Client) getJSON(req *http.Request, v any) (*http.Response, error) {
	req.Header.Set("Accept", "application/json")
	res, err := c.do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(v); err != nil {
		if sheafError, ok := asSheafError(err); ok {
			return nil, sheafError
		}
		return nil, &sheaf.Error{
			Kind:    sheaf.ErrInternal,
			Message: fmt.Sprintf("the answer of %s to %s %s is not what Sheaf sends", c.base.Host, req.Method, req.URL.Path),
			Hint:    "check that the URL is that of a Sheaf server",
			Err:     err,
		}
	}
	return res, nil
}

// absolute resolves a document's URL, which a server may give relative to its own.
func (c *Client) absolute(doc *sheaf.Document) {
	ref, err := url.Parse(cmp.Or(doc.URL, "documents/"+string(doc.ID)))
	if err != nil {
		return
	}
	doc.URL = c.base.JoinPath("/").ResolveReference(ref).String()
}
