package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/sheaf-dev/sheaf"
)

// maxProblem bounds what is read of an error's body. That of a conflict has a
// merged text in it.
const maxProblem = maxAnswer

// problemOf rebuilds the error that the server reports in a problem document
// (RFC 9457). An answer without one, such as a proxy's, gets its kind from the
// status.
func problemOf(res *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	e, ok := parseProblem(body)
	if refusal, isRefusal := parseRefusal(body); !ok && isRefusal {
		return refusal
	}
	if !ok {
		return &sheaf.Error{
			Kind:    kindOfStatus(res.StatusCode),
			Message: fmt.Sprintf("the server answered %s to %s %s", res.Status, res.Request.Method, res.Request.URL.Path),
		}
	}
	if !e.Kind.Known() {
		e.Kind = kindOfStatus(res.StatusCode)
	}
	return e
}

// parseProblem reads a problem document. The kind is as the server says it.
func parseProblem(body []byte) (e *sheaf.Error, ok bool) {
	var problem struct {
		Title    string               `json:"title"`
		Detail   string               `json:"detail"`
		Code     sheaf.ErrorKind      `json:"code"`
		Hint     string               `json:"hint"`
		Errors   []sheaf.FieldError   `json:"errors"`
		Conflict *sheaf.WriteConflict `json:"conflict"`
	}
	if json.Unmarshal(body, &problem) != nil || problem.Detail == "" && problem.Title == "" {
		return nil, false
	}
	e = &sheaf.Error{Kind: problem.Code, Message: problem.Detail, Hint: problem.Hint, Fields: problem.Errors, Conflict: problem.Conflict}
	if e.Message == "" {
		e.Message = problem.Title
	}
	return e, true
}

// kindOfStatus returns the kind that fits a status without a known code.
func kindOfStatus(status int) sheaf.ErrorKind {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return sheaf.ErrInvalid
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return sheaf.ErrUnauthorized
	case http.StatusForbidden:
		return sheaf.ErrForbidden
	case http.StatusNotFound:
		return sheaf.ErrNotFound
	case http.StatusMethodNotAllowed:
		return sheaf.ErrMethodNotAllowed
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return sheaf.ErrTimeout
	case http.StatusConflict:
		return sheaf.ErrConflict
	case http.StatusGone:
		return sheaf.ErrGone
	case http.StatusPreconditionFailed:
		return sheaf.ErrPreconditionFailed
	case http.StatusPreconditionRequired:
		return sheaf.ErrHashRequired
	case http.StatusRequestEntityTooLarge:
		return sheaf.ErrTooLarge
	case http.StatusUnsupportedMediaType:
		return sheaf.ErrUnsupported
	case http.StatusTooManyRequests:
		return sheaf.ErrRateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return sheaf.ErrUnavailable
	}
	return sheaf.ErrInternal
}

// connectionError says what kept a request from being answered. The end of the
// caller's own context is returned as that context's error.
func (c *Client) connectionError(ctx context.Context, err error) error {
	if sheafError, ok := asSheafError(context.Cause(ctx)); ok {
		return sheafError // the watch's
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if sheafError, ok := asSheafError(err); ok {
		return sheafError
	}
	var urlError *url.Error
	if errors.As(err, &urlError) {
		err = urlError.Err
	}
	var opError *net.OpError
	if errors.As(err, &opError) && opError.Op == "dial" {
		return &sheaf.Error{
			Kind:    sheaf.ErrUnavailable,
			Message: fmt.Sprintf("no server answers at %s", c.base),
			Hint:    "start one with `sheaf serve`, or name another with --url or DOCUMENT_SERVER_URL",
			Err:     &dialError{opError.Err},
		}
	}
	return &sheaf.Error{
		Kind:    sheaf.ErrUnavailable,
		Message: fmt.Sprintf("the connection to %s broke", c.base),
		Hint:    "try again; the server's log says more",
		Err:     err,
	}
}

func asSheafError(err error) (*sheaf.Error, bool) {
	var e *sheaf.Error
	ok := errors.As(err, &e)
	return e, ok
}
