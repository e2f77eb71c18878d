package sheaf

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// An ErrorKind says what a caller can do about an error. It is also the code
// that every transport shows.
type ErrorKind string

const (
	ErrInvalid            ErrorKind = "invalid"             // the request is malformed; see Error.Fields
	ErrUnauthorized       ErrorKind = "unauthorized"        // nobody knows who is calling
	ErrForbidden          ErrorKind = "forbidden"           // the caller may not do this
	ErrNotFound           ErrorKind = "not_found"           // there is no such thing, or no longer
	ErrMethodNotAllowed   ErrorKind = "method_not_allowed"  // the resource exists and cannot do this
	ErrNotAcceptable      ErrorKind = "not_acceptable"      // no form of the resource suits the caller
	ErrTimeout            ErrorKind = "timeout"             // it took too long, or the caller was silent too long
	ErrExists             ErrorKind = "exists"              // the name is taken, or something else is in the way
	ErrConflict           ErrorKind = "conflict"            // someone else wrote meanwhile
	ErrGone               ErrorKind = "gone"                // it existed and was purged
	ErrPreconditionFailed ErrorKind = "precondition_failed" // If-Match or its like did not hold
	ErrTooLarge           ErrorKind = "too_large"           // over a configured limit
	ErrUnsupported        ErrorKind = "unsupported"         // a media type or feature that is not served
	ErrRange              ErrorKind = "range"               // the range asked for is outside the content
	ErrHashRequired       ErrorKind = "hash_required"       // the collection wants the hash that a write replaces
	ErrRateLimited        ErrorKind = "rate_limited"        // too many requests at once
	ErrArchived           ErrorKind = "archived"            // the collection is read-only
	ErrDamaged            ErrorKind = "damaged"             // the stored bytes are not what was written
	ErrInternal           ErrorKind = "internal"            // a fault of ours
	ErrUnavailable        ErrorKind = "unavailable"         // the server is starting, stopping or overloaded
	ErrBackendUnavailable ErrorKind = "backend_unavailable" // where the bytes live does not answer
	ErrQuota              ErrorKind = "quota"               // a collection is full, or the caller's share of the store
	ErrDiskFull           ErrorKind = "disk_full"           // the store's disk is full
)

// errorKinds is the one table from kinds to what each transport shows.
var errorKinds = map[ErrorKind]struct {
	status    int // HTTP
	exit      int // of a command; 1 is for errors that have no kind
	retryable bool
}{
	ErrInvalid:            {http.StatusUnprocessableEntity, 2, false},
	ErrUnauthorized:       {http.StatusUnauthorized, 3, false},
	ErrForbidden:          {http.StatusForbidden, 3, false},
	ErrNotFound:           {http.StatusNotFound, 4, false},
	ErrMethodNotAllowed:   {http.StatusMethodNotAllowed, 2, false},
	ErrNotAcceptable:      {http.StatusNotAcceptable, 2, false},
	ErrTimeout:            {http.StatusRequestTimeout, 7, true},
	ErrExists:             {http.StatusConflict, 5, false},
	ErrConflict:           {http.StatusConflict, 5, false},
	ErrGone:               {http.StatusGone, 4, false},
	ErrPreconditionFailed: {http.StatusPreconditionFailed, 5, false},
	ErrTooLarge:           {http.StatusRequestEntityTooLarge, 6, false},
	ErrUnsupported:        {http.StatusUnsupportedMediaType, 2, false},
	ErrRange:              {http.StatusRequestedRangeNotSatisfiable, 2, false},
	ErrHashRequired:       {http.StatusPreconditionRequired, 5, false},
	ErrRateLimited:        {http.StatusTooManyRequests, 7, true},
	ErrArchived:           {http.StatusConflict, 5, false},
	ErrDamaged:            {http.StatusInternalServerError, 8, false},
	ErrInternal:           {http.StatusInternalServerError, 8, false},
	ErrUnavailable:        {http.StatusServiceUnavailable, 7, true},
	ErrBackendUnavailable: {http.StatusServiceUnavailable, 7, true},
	ErrQuota:              {http.StatusInsufficientStorage, 6, false},
	ErrDiskFull:           {http.StatusInsufficientStorage, 6, true},
}

// HTTPStatus returns the status that carries the kind over HTTP; 500 for one
// that is not known.
func (k ErrorKind) HTTPStatus() int {
	if row, ok := errorKinds[k]; ok {
		return row.status
	}
	return http.StatusInternalServerError
}

// ExitCode returns the code a command ends with.
func (k ErrorKind) ExitCode() int {
	if row, ok := errorKinds[k]; ok {
		return row.exit
	}
	return 1
}

// Retryable reports whether the same call may succeed later.
func (k ErrorKind) Retryable() bool { return errorKinds[k].retryable }

// Known reports whether the kind is one of this package's.
func (k ErrorKind) Known() bool { _, ok := errorKinds[k]; return ok }

// An Error is an error that its caller can act on. Whatever else goes wrong is
// an ordinary error, which transports show as [ErrInternal] without its text.
type Error struct {
	Kind    ErrorKind
	Message string       // what is wrong, for the caller; never secret
	Hint    string       // what to try next; may be empty
	Fields  []FieldError // of an invalid request: every field that is wrong
	// Conflict is of a write that was refused for ErrConflict,
	// ErrPreconditionFailed or ErrHashRequired: all that is needed to write again.
	Conflict *WriteConflict
	Err      error // the cause, for logs; may be nil
}

// A FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// fieldsTold is how many fields the text of an error names: a change of many
// documents may be refused for each of them.
const fieldsTold = 10

// Error returns the message, the fields that are wrong and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, f := range e.Fields {
		if len(e.Fields) == 1 && f.Message == e.Message {
			break
		}
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		if i == fieldsTold {
			fmt.Fprintf(&b, "and %d more", len(e.Fields)-i)
			break
		}
		b.WriteString(f.Field + ": " + f.Message)
	}
	// Errorf with %w has put the cause into the message already.
	if e.Err != nil && !strings.Contains(e.Message, e.Err.Error()) {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of a kind, its message formatted. A %w verb sets the cause.
func Errorf(kind ErrorKind, format string, args ...any) *Error {
	formatted := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: formatted.Error(), Err: errors.Unwrap(formatted)}
}

// WithHint returns a copy of e with the hint.
func (e *Error) WithHint(hint string) *Error {
	withHint := *e
	withHint.Hint = hint
	return &withHint
}

// Invalid returns the error of one invalid field.
func Invalid(field, message string) *Error {
	return &Error{Kind: ErrInvalid, Message: message, Fields: []FieldError{{field, message}}}
}

// InvalidFields returns one error for all the errors given, so that a caller
// learns of every invalid field at once; nil when there are none. Errors that
// are not about fields win, the first of them is returned as it is.
func InvalidFields(errs ...error) error {
	var fields []FieldError
	var first *Error
	for _, err := range errs {
		if err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != ErrInvalid || len(e.Fields) == 0 {
			return err
		}
		if first == nil {
			first = e
		}
		fields = append(fields, e.Fields...)
	}
	switch len(fields) {
	case 0:
		return nil
	case 1:
		return first
	}
	return &Error{Kind: ErrInvalid, Message: "the request has invalid fields", Hint: first.Hint, Fields: fields}
}

// KindOf returns the kind of err: its own if it is an [Error], [ErrTimeout] for
// a deadline that passed, else [ErrInternal]. It returns "" for nil.
func KindOf(err error) ErrorKind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	}
	return ErrInternal
}
