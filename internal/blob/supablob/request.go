package supablob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
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
		return nil, unavailable(err)
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

// A code is what Supabase calls an error.
type code string

const (
	codeExists code = "KeyAlreadyExists"
	codeRange  code = "InvalidRange"
	codeUnsaid code = "unsaid" // ours, of an error in answer to HEAD
)

// A failedRequest is the cause of the error of a request that was answered. Its
// text is for logs: it repeats what a server has said.
type failedRequest struct {
	request request
	http    int  // the status of the answer
	status  int  // the real one
	said    bool // by Supabase, not by something on the way to it
	code    code
	message string
}

func (f *failedRequest) Error() string {
	return fmt.Sprintf("%s %s: HTTP %d, status %d, code %q: %q", f.request.method, f.request.path, f.http, f.status, f.code, f.message)
}

// hasCode reports whether err is that of a request which was answered with a code.
func hasCode(err error, c code) bool {
	var f *failedRequest
	return errors.As(err, &f) && f.code == c
}

// translate returns the error of an answer that is no success.
func (b *Backend) translate(in request, res *http.Response, body []byte) error {
	f := read(in, res, body)
	switch {
	case f.code == "NoSuchBucket" || strings.EqualFold(f.message, "bucket not found"):
		return blob.NewFault(blob.FaultBucket, fmt.Sprintf("the Supabase project has no bucket %q", b.bucket), "make the bucket, or correct SUPABASE_BUCKET", f)
	case f.said && f.status == http.StatusNotFound: // any server may have a page that is not found
		return &sheaf.Error{Kind: sheaf.ErrNotFound, Message: "the object is not in the Supabase bucket", Err: f}
	case f.status == http.StatusUnauthorized, f.status == http.StatusForbidden, f.code == "InvalidJWT", f.code == "AccessDenied":
		return blob.NewFault(blob.FaultCredentials, "Supabase does not accept the service key", refusalHint(res), f)
	case f.status == http.StatusRequestEntityTooLarge:
		return &sheaf.Error{
			Kind: sheaf.ErrTooLarge, Message: "the content is larger than the Supabase project or bucket allows",
			Hint: "raise the upload size limit of the bucket and of the project", Err: f,
		}
	case f.status == http.StatusTooManyRequests, f.status >= http.StatusInternalServerError, f.code == codeUnsaid:
		return unavailable(f)
	case f.code == codeExists || f.code == codeRange:
		return f // for the caller in this package
	}
	return blob.NewFault(blob.FaultRefused, "Supabase refuses a request; the server's log says why", "", f)
}

// clockTolerance is how far the clocks may be apart before it is worth a hint.
const clockTolerance = time.Minute

// refusalHint says what may be wrong with credentials that are not accepted.
func refusalHint(res *http.Response) string {
	hint := "set SUPABASE_SERVICE_KEY to the service_role key of the project, not the anon key"
	if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		if apart := time.Since(at); apart.Abs() > clockTolerance {
			hint += fmt.Sprintf("; the clock of this machine differs from that of Supabase by %v", apart.Round(time.Second))
		}
	}
	return hint
}

// read reads what an answer says of an error.
func read(in request, res *http.Response, body []byte) *failedRequest {
	f := &failedRequest{request: in, http: res.StatusCode, status: res.StatusCode}
	if in.method == http.MethodHead && res.StatusCode/100 == 4 && res.StatusCode != http.StatusTooManyRequests {
		f.code = codeUnsaid
		return f
	}
	var said struct {
		Status  json.RawMessage `json:"statusCode"` // a number or a string
		Code    string          `json:"code"`
		Error   string          `json:"error"`
		Message string          `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		f.message = string(body[:min(len(body), 200)])
		return f
	}
	f.code, f.message, f.said = code(said.Code), said.Message, true
	if n, err := strconv.Atoi(strings.Trim(string(said.Status), `"`)); err == nil {
		f.status = n
	}
	switch { // servers of some age have no codes
	case f.code == "" && said.Error == "Duplicate", f.status == http.StatusConflict:
		f.code = codeExists
	case f.status == http.StatusRequestedRangeNotSatisfiable:
		f.code = codeRange
	case f.code == "" && said.Error == "InvalidJWT":
		f.code = "InvalidJWT"
	}
	return f
}

// unavailable returns the error of a request that was not answered as it should.
func unavailable(cause error) error {
	return blob.NewFault(blob.FaultUnreachable, "the storage backend does not answer as it should",
		"try again in a moment; /health says how the backend fares", cause)
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
