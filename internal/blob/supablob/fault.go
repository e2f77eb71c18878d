package supablob

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/blob"
)

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

// What to do about a fault.
const (
	keyHint    = "set SUPABASE_SERVICE_KEY to the service_role or secret key of the project, not to the anon or publishable key"
	bucketHint = "make the bucket, or correct SUPABASE_BUCKET"
	urlHint    = "correct SUPABASE_URL: it is that of the project, such as https://abc.supabase.co"
	clockHint  = "set the clock of this machine, best by NTP"
)

// translate returns the error of an answer that is no success.
func (b *Backend) translate(in request, res *http.Response, body []byte) error {
	f := read(in, res, body)
	switch {
	case f.code == "NoSuchBucket" || strings.EqualFold(f.message, "bucket not found"):
		return blob.NewFault(blob.FaultBucket, fmt.Sprintf("the Supabase project has no bucket %q", b.bucket), bucketHint, f)
	case f.said && f.status == http.StatusNotFound: // any server may have a page that is not found
		return &sheaf.Error{Kind: sheaf.ErrNotFound, Message: "the object is not in the Supabase bucket", Err: f}
	case f.isRefusal():
		return refused(f, res)
	case f.status == http.StatusRequestEntityTooLarge:
		return &sheaf.Error{
			Kind: sheaf.ErrTooLarge, Message: "the content is larger than the Supabase project or bucket allows",
			Hint: "raise the upload size limit of the bucket and of the project", Err: f,
		}
	case f.status == http.StatusTooManyRequests, f.status >= http.StatusInternalServerError, f.code == codeUnsaid:
		return unavailable(f)
	case f.code == codeExists || f.code == codeRange:
		return f // for the caller in this package
	case !f.said:
		return blob.NewFault(blob.FaultEndpoint, fmt.Sprintf("what answers for the Supabase project is no Supabase Storage: status %d", f.http), urlHint, f)
	}
	return blob.NewFault(blob.FaultRefused, fmt.Sprintf("Supabase refuses a request: status %d", f.status), "the server's log says what Supabase answers", f)
}

// isRefusal reports whether a request was refused for who made it.
func (f *failedRequest) isRefusal() bool {
	return f.status == http.StatusUnauthorized || f.status == http.StatusForbidden || f.code == "InvalidJWT" || f.code == "AccessDenied"
}

// clockTolerance is how far clocks may be apart before it is worth a word.
const clockTolerance = time.Minute

// refused returns the error of a request that was refused for who made it: with
// a key that has another time, is none of the project, or may do less.
func refused(f *failedRequest, res *http.Response) error {
	var ahead time.Duration // the clock of this machine
	if theirs, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		ahead = time.Since(theirs).Round(time.Second)
	}
	switch timed := strings.Contains(f.message, "claim timestamp check failed"); {
	case timed && ahead > clockTolerance:
		return blob.NewFault(blob.FaultClock, fmt.Sprintf("Supabase and this machine do not agree what time it is: this machine is %s ahead", ahead), clockHint, f)
	case timed && ahead < -clockTolerance:
		return blob.NewFault(blob.FaultClock, fmt.Sprintf("Supabase and this machine do not agree what time it is: this machine is %s behind", -ahead), clockHint, f)
	case timed:
		return blob.NewFault(blob.FaultCredentials, "the service key of the Supabase project has expired, or is not valid yet", keyHint, f)
	case strings.Contains(f.message, "row-level security"):
		return blob.NewFault(blob.FaultPermission, "Supabase does not permit this to the key", keyHint, f)
	}
	return blob.NewFault(blob.FaultCredentials, "Supabase does not accept the service key", keyHint, f)
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
	f.code, f.message = code(said.Code), said.Message
	// What stands before the storage may answer in JSON too, but does not repeat the status.
	if n, err := strconv.Atoi(strings.Trim(string(said.Status), `"`)); err == nil {
		f.status, f.said = n, true
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

// unreachable returns the error of a request that was not answered at all.
func unreachable(cause error) error {
	message, hint := "Supabase does not answer", "try again later; check SUPABASE_URL and the network if this goes on"
	var dns *net.DNSError
	if errors.As(cause, &dns) && dns.IsNotFound {
		message, hint = "the name of the Supabase project's host is not known", "correct SUPABASE_URL, or the network of this machine; a project that is paused has no name either"
	}
	return blob.NewFault(blob.FaultUnreachable, message, hint, cause)
}
