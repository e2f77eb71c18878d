package supablob

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const octets = "application/octet-stream"

// mostError is how many bytes of the answer to a request that failed are read.
const mostError = 16 << 10

// mostAnswer is how many bytes an answer in JSON may have: a page of a listing
// has about half a megabyte.
const mostAnswer = 8 << 20

// A request is one to the storage.
type request struct {
	method, path string
	header       http.Header
	body         io.Reader // of size bytes; nil: none. It is closed if it can be
	size         int64
}

// An answer is one of status 2xx. The caller closes its body.
type answer struct{ *http.Response }

// do makes a request. Any answer that is no success is an error.
func (b *Backend) do(ctx context.Context, in request) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, in.method, b.base+in.path, in.body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", in.method, in.path, err)
	}
	if in.header != nil {
		req.Header = in.header
	}
	req.ContentLength = in.size
	req.Header.Set("Authorization", "Bearer "+b.key)
	req.Header.Set("apikey", b.key) // which the gateway of a hosted project asks for
	res, err := b.client.Do(req)
	switch {
	case ctx.Err() != nil:
		if err == nil {
			res.Body.Close()
		}
		return nil, fmt.Errorf("%s %s: %w", in.method, in.path, ctx.Err())
	case err != nil:
		return nil, unreachable(err)
	case res.StatusCode/100 == 2:
		return &answer{res}, nil
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, mostError)) // what there is of it
	return nil, b.translate(in, res, body)
}

// call makes a request whose body is in as JSON, and reads the answer into out
// unless that is nil.
func (b *Backend) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	answer, err := b.do(ctx, request{
		method: method, path: path, body: bytes.NewReader(body), size: int64(len(body)),
		header: http.Header{"Content-Type": {"application/json"}},
	})
	if err != nil {
		return err
	}
	if out == nil {
		return answer.discard()
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, mostAnswer)).Decode(out); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", method, path, ctx.Err())
		}
		return unavailable(fmt.Errorf("the answer to %s %s: %w", method, path, err))
	}
	return nil
}

// discard reads an answer of no interest, so that its connection can be used again.
func (a *answer) discard() error {
	io.Copy(io.Discard, io.LimitReader(a.Body, mostError))
	return a.Body.Close()
}

// covers reports whether the body is the part of an object that was asked for:
// length bytes from offset on, or all if length is negative, as far as the object
// has them.
func (a *answer) covers(offset, length int64) bool {
	var begin, last, size int64
	n, err := fmt.Sscanf(a.Header.Get("Content-Range"), "bytes %d-%d/%d", &begin, &last, &size)
	if err != nil || n != 3 || a.StatusCode != http.StatusPartialContent {
		return false
	}
	end := size
	if length > 0 {
		end = min(offset+length, size)
	}
	return begin == offset && last == end-1 && a.ContentLength == end-offset
}

// modified returns when the object was put. It is what a sweep of garbage goes
// by: an object of unknown age counts as new.
func (a *answer) modified() time.Time {
	at, err := http.ParseTime(a.Header.Get("Last-Modified"))
	if err != nil {
		return time.Now()
	}
	return at
}

// A download reads the body of an answer. What breaks it off is an error of the
// backend, never the end of the object.
type download struct {
	ctx  context.Context // of the request
	body io.ReadCloser
}

// Read implements [io.Reader].
func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case d.ctx.Err() != nil:
		return n, fmt.Errorf("read from the Supabase bucket: %w", d.ctx.Err())
	}
	return n, unavailable(err)
}

// Close implements [io.Closer].
func (d *download) Close() error { return d.body.Close() }
