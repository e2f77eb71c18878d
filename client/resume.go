package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
)

const (
	resumeTries = 3                      // in a row that bring no byte
	resumePause = 200 * time.Millisecond // before the first of them; the next wait twice as long each
)

// resumingBody is a content that goes on where it was when its connection
// breaks. It gives up, with the error of the connection, when the server has
// another content by then, or does not answer.
type resumingBody struct {
	client *Client
	req    *http.Request // that began the download
	etag   string
	size   int64 // of the whole

	body  io.ReadCloser
	read  int64 // up to which offset
	tries int   // since the last byte
}

// resuming returns the body of res, the answer to req, so that it can be
// resumed: if the server says what its content is and how long.
func (c *Client) resuming(req *http.Request, res *http.Response) io.ReadCloser {
	etag := res.Header.Get("ETag")
	from, size := partOf(res)
	// Only a strong tag promises the same bytes.
	if etag == "" || strings.HasPrefix(etag, "W/") || size < 0 {
		return res.Body
	}
	return &resumingBody{client: c, req: req, etag: etag, size: size, read: from, body: res.Body}
}

// partOf returns at which offset of what it is of an answer begins that goes to
// the end of that, and the size of the whole; -1 when that is not known.
func partOf(res *http.Response) (from, size int64) {
	if res.StatusCode != http.StatusPartialContent {
		return 0, res.ContentLength
	}
	var last int64
	said := res.Header.Get("Content-Range")
	if n, err := fmt.Sscanf(said, "bytes %d-%d/%d", &from, &last, &size); n != 3 || err != nil || last != size-1 {
		return 0, -1
	}
	return from, size
}

// Read implements [io.Reader].
func (b *resumingBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.read += int64(n)
	if n > 0 {
		b.tries = 0
	}
	if err == nil || err == io.EOF || !isBrokenConnection(err) || b.read >= b.size || b.req.Context().Err() != nil {
		return n, err
	}
	if b.resume() {
		return n, nil
	}
	return n, err
}

// isBrokenConnection reports whether another connection may bring what this one
// did not.
func isBrokenConnection(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || sheaf.KindOf(err) == sheaf.ErrUnavailable
}

// resume asks for the rest of the content, a few times.
func (b *resumingBody) resume() bool {
	for b.tries < resumeTries {
		pause := time.NewTimer(resumePause << b.tries)
		b.tries++
		select {
		case <-pause.C:
		case <-b.req.Context().Done():
			pause.Stop()
			return false
		}
		req := b.req.Clone(b.req.Context())
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", b.read))
		req.Header.Set("If-Range", b.etag)
		res, _, err := b.client.attempt(req) // which has retries of its own here
		if err != nil {
			if isBrokenConnection(err) {
				continue
			}
			return false
		}
		rest := fmt.Sprintf("bytes %d-%d/%d", b.read, b.size-1, b.size)
		if res.StatusCode != http.StatusPartialContent || res.Header.Get("ETag") != b.etag || res.Header.Get("Content-Range") != rest {
			res.Body.Close()
			return false
		}
		b.body.Close()
		b.body = res.Body
		return true
	}
	return false
}

// Close implements [io.Closer].
func (b *resumingBody) Close() error { return b.body.Close() }
