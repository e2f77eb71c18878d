package rest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/sheaf-dev/sheaf"
)

// problemDetails is the body of every answer that reports an error (RFC 9457).
type problemDetails struct {
	Type   string             `json:"type" doc:"Always about:blank; code says which error it is"`
	Title  string             `json:"title" doc:"The phrase of the status"`
	Status int                `json:"status"`
	Detail string             `json:"detail" doc:"What is wrong"`
	Code   sheaf.ErrorKind    `json:"code" doc:"What a program can act on; the same for the same kind of error everywhere"`
	Hint   string             `json:"hint,omitempty" doc:"What to try next"`
	Errors []sheaf.FieldError `json:"errors,omitempty" doc:"Every field that is wrong, when the request is invalid"`

	Conflict *sheaf.WriteConflict `json:"conflict,omitempty" doc:"Of a write that was refused because of what the document has become: what is needed to write again"`
}

const problemType = "application/problem+json"

// problem is the one adapter from errors to what a caller sees of them. It logs
// what the caller must not see, under the request's id.
func (s *server) problem(ctx context.Context, requestID string, err error) problemDetails {
	callOf(ctx).Fail(err)
	var e *sheaf.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.Canceled):
		e = sheaf.Errorf(sheaf.ErrUnavailable, "the request was cancelled before it was done")
	case errors.Is(err, context.DeadlineExceeded):
		e = sheaf.Errorf(sheaf.ErrTimeout, "the request took too long")
	default:
		e = sheaf.Errorf(sheaf.ErrInternal, "internal error").WithHint(internalHint(requestID))
	}
	status := e.Kind.HTTPStatus()
	ours := status >= http.StatusInternalServerError && e.Kind != sheaf.ErrQuota // which is the caller's to mend
	if ours && !errors.Is(err, context.Canceled) {
		s.log.LogAttrs(ctx, slog.LevelError, "a request failed",
			slog.String("request_id", requestID), slog.String("code", string(e.Kind)), slog.String("error", err.Error()))
	}
	return problemDetails{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.Message,
		Code:   e.Kind,
		Hint:   e.Hint,
		Errors: e.Fields,

		Conflict: e.Conflict,
	}
}

func internalHint(requestID string) string {
	return "the server's log says more under request id " + requestID
}

// contentHeaders describe a content; an answer that reports an error has another.
var contentHeaders = []string{
	"Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Security-Policy",
	"Etag", "Last-Modified", "Repr-Digest", "Vary", "X-Archive-Documents", "X-Archive-Errors",
	"X-Document-Filename", "X-Document-Filename*", "X-Document-Id", "X-Document-Name", "X-Document-Name*",
}

// writeProblem answers with err. Nothing of the answer may have been written.
func (s *server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(r.Context(), requestID(w), err)
	header := w.Header()
	for _, name := range contentHeaders {
		header.Del(name)
	}
	header.Set("Content-Type", problemType)
	retryAfter(header, p)
	body, _ := json.Marshal(p) // strings, numbers and times of now: cannot fail
	body = append(body, '\n')
	header.Set("Content-Length", strconv.Itoa(len(body)))
	s.limitSending(w, int64(len(body)))
	w.WriteHeader(p.Status)
	w.Write(body)
}

// retryAfter says when a refused caller should come again. Uploads and commits
// take well below a second, so that waiting longer would be waste.
func retryAfter(header http.Header, p problemDetails) {
	if p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
}

// A failure carries an error through huma, which wants errors to know their
// status, up to the transformer below.
type failure struct{ error }

// GetStatus implements [huma.StatusError].
func (f failure) GetStatus() int { return statusOf(f.error) }

// ContentType implements [huma.ContentTypeFilter].
func (f failure) ContentType(string) string { return problemType }

func statusOf(err error) int {
	var e *sheaf.Error
	if !errors.As(err, &e) && errors.Is(err, context.Canceled) {
		return sheaf.ErrUnavailable.HTTPStatus()
	}
	return sheaf.KindOf(err).HTTPStatus()
}

// transformErrors is the [huma.Transformer] that makes problems of our errors
// and of huma's. Replacing the variable huma.NewError would do it for every API
// of the process.
func (s *server) transformErrors(ctx huma.Context, _ string, answer any) (any, error) {
	var err error
	switch answer := answer.(type) {
	case failure:
		err = answer.error
	case *huma.ErrorModel:
		err = fromHuma(answer)
	default:
		return answer, nil
	}
	_, w := humago.Unwrap(ctx)
	p := s.problem(ctx.Context(), requestID(w), err)
	if model, ok := answer.(*huma.ErrorModel); ok {
		// huma sends its own status, which may be finer than the kind's.
		p.Status, p.Title = model.Status, http.StatusText(model.Status)
	}
	retryAfter(w.Header(), p)
	return p, nil
}

// fromHuma translates what huma found wrong with a request.
func fromHuma(model *huma.ErrorModel) error {
	e := &sheaf.Error{Kind: kindOfStatus(model.Status), Message: model.Detail}
	if e.Kind == sheaf.ErrInternal {
		return errors.New(model.Detail)
	}
	for _, detail := range model.Errors {
		_, field, nested := strings.Cut(detail.Location, ".")
		if !nested {
			field = detail.Location
		}
		e.Fields = append(e.Fields, sheaf.FieldError{Field: field, Message: detail.Message})
	}
	if len(e.Fields) == 1 {
		e.Message = e.Fields[0].Message
	}
	return e
}

// kindOfStatus returns the kind of the errors that huma raises by itself.
func kindOfStatus(status int) sheaf.ErrorKind {
	for _, kind := range []sheaf.ErrorKind{
		sheaf.ErrInvalid, sheaf.ErrTimeout, sheaf.ErrTooLarge, sheaf.ErrUnsupported, sheaf.ErrNotAcceptable,
	} {
		if kind.HTTPStatus() == status {
			return kind
		}
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError {
		return sheaf.ErrInvalid
	}
	return sheaf.ErrInternal
}
